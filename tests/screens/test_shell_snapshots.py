"""What the shell and the Datasets screen look like. Update with `pytest --snapshot-update`, after looking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HOSTILE = [
    {
        "messages": [
            {"role": "user", "content": "漢字とかな 👩‍🔬 naïve café"},
            {"role": "assistant", "content": "はい 👍"},
        ]
    },
    {
        "messages": [
            {"role": "system", "content": "[bold]no markup[/bold] [/] $primary"},
            {"role": "user", "content": "ESC \x1b[31mred\x1b[0m OSC \x1b]52;c;aGk=\a C1 \x9b2J BEL \a tab\there"},
            {"role": "assistant", "content": "right-to-left override: \u202etxt.exe, lone surrogate: \ud83d"},
        ]
    },
    {"messages": [{"role": "human", "content": "ShareGPT's word"}, {"role": "assistant", "content": "x", "weight": 0}]},
]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Wide characters, emoji, escape sequences, markup; a broken line; a wrong role."""
    path = tmp_path / "hostile.jsonl"
    lines = [
        json.dumps(HOSTILE[0], ensure_ascii=False),
        json.dumps(HOSTILE[1]),
        '{"messages": [',
        json.dumps(HOSTILE[2]),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_datasets(ftwb_app, snap_compare, size) -> None:
    """Modes and next step above, the train file's records left, the first one right, keys below."""
    assert snap_compare(ftwb_app(), terminal_size=size)


@pytest.mark.parametrize("theme", ["ftwb-light", "ansi-dark"])
def test_other_themes(ftwb_app, snap_compare, theme) -> None:
    """Readable on light; in the terminal's own sixteen colours the cursor row is reversed."""
    assert snap_compare(ftwb_app(theme=theme), terminal_size=(80, 24))


def test_without_colour(ftwb_app, snap_compare, monkeypatch) -> None:
    """NO_COLOR: brackets, ▸, ●, ✗ and bars say what colours said."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ftwb_app(), terminal_size=(80, 24))


def test_hostile_rows(ftwb_app, snap_compare, hostile) -> None:
    """Columns stay aligned beside wide characters; every control character is a glyph; ✗ and its place on line 3."""
    assert snap_compare(ftwb_app(file=hostile), press=["j"], terminal_size=(100, 30))


def test_a_broken_row(ftwb_app, snap_compare, hostile) -> None:
    """Line and column, then the row as it stands in the file."""
    assert snap_compare(ftwb_app(file=hostile), press=["j", "j"], terminal_size=(80, 24))


def test_filter(ftwb_app, snap_compare) -> None:
    """A line to type in, only the records that contain it, how many those are."""
    assert snap_compare(ftwb_app(), press=["slash", *"soup"], terminal_size=(80, 24))


@pytest.mark.parametrize("key", ["f1", "question_mark", "f2"])
def test_dialogs(ftwb_app, snap_compare, key) -> None:
    """A box over the dimmed screen, its keys at its foot, nothing cut off."""
    assert snap_compare(ftwb_app(), press=[key], terminal_size=(80, 24))


def test_too_small(ftwb_app, snap_compare) -> None:
    """40×10: one calm notice."""
    assert snap_compare(ftwb_app(), terminal_size=(40, 10))


def test_open_dialog(ftwb_app, snap_compare, tmp_path, monkeypatch) -> None:
    """A line to type in, above what the folder holds."""
    for name, size in (("support.jsonl", 1_080), ("recipes.csv", 2_400_000), ("b\x1b[31m.jsonl", 12)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "archive").mkdir()
    monkeypatch.chdir(tmp_path)
    assert snap_compare(ftwb_app(), press=["o"], terminal_size=(80, 24))
