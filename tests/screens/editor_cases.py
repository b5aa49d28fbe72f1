"""Records for the tests of the editor, the pair view and the microscope, and how those are opened."""

from __future__ import annotations

import json
from typing import Any

from textual.events import Paste

from workbench.dataset.formats import Format
from workbench.dataset.rows import DecodeError
from workbench.screens.editor import EditorScreen, OpenedRecord
from workbench.testing import wait_idle

CALL = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "id": 12,
    "messages": [
        {"role": "system", "content": "Answer with one label.\nBe brief."},
        {"role": "human", "content": "Where is my \x1b[31mparcel? [bold]no markup[/bold] It was due on Monday."},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "[]"},
        {"role": "assistant", "content": "unknown", "weight": 0},
        {
            "role": "user",
            "content": [{"type": "text", "text": "漢字 and now?"}, {"type": "image_url", "image_url": {}}],
        },
        {"role": "assistant", "content": "shipping"},
    ],
}
PAIR: dict[str, Any] = {
    "input": {"messages": [{"role": "user", "content": "Write a line about a cat in the garden."}]},
    "preferred_output": [
        {"role": "assistant", "content": "A black cat sits beneath the old tree, and dreams of birds it cannot see."}
    ],
    "non_preferred_output": [
        {"role": "assistant", "content": "A white cat sits beneath the new tree, and dreams of fish."}
    ],
}
BROKEN = b'{"messages": [{"role": "user" "content": "x"}, {"role": "assistant", "content": "y"}]}'


def opened(value: Any, fmt: Format = Format.CHAT, **more: Any) -> OpenedRecord:
    """What the list would hand over."""
    raw = BROKEN if isinstance(value, DecodeError) else json.dumps(value).encode()
    return OpenedRecord(value, raw, fmt, "record 12 of 330", 12, **more)


async def edit(pilot: Any, record: OpenedRecord, results: list[Any] | None = None, **more: Any) -> EditorScreen:
    """The editor over the app's first screen, once it has looked at the record."""
    await wait_idle(pilot)
    screen = EditorScreen(pilot.app.context, pilot.app.project, record, **more)
    pilot.app.push_screen(screen, None if results is None else results.append)
    await wait_idle(pilot)
    return screen


async def paste(pilot: Any, text: str) -> None:
    """All of the focused text exchanged, as a terminal pastes."""
    pilot.app.focused.select_all()
    pilot.app.post_message(Paste(text))
    await wait_idle(pilot)


async def press(pilot: Any, *keys: str) -> None:
    """Keys one after another, and what they set going to its end."""
    await pilot.press(*keys)
    await wait_idle(pilot)
