"""Answers of models that will be gone, recorded on a golden set: what a successor is held against."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog.figure import Figure
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.evaluate.task import Item

MAX_TOKENS = 1024
"""Of one answer, unless told otherwise."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording brought for one model."""

    model: str
    path: Path
    answers: int
    """In the file, those of earlier tries included."""
    failed: int
    why: str | None
    """Of the first failure."""


def answers_path(context: Context, profile: str, model: str, golden_sha256: str) -> Path:
    """Where the answers of a model to one golden set are."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", model).lstrip(".") or "_"
    return context.home / "rescue" / profile / "answers" / f"{name}--{golden_sha256[:12]}.jsonl"


def answer_files(context: Context, profile: str, model: str) -> list[Path]:
    """All recordings of a model."""
    place = answers_path(context, profile, model, "*")
    return sorted(place.parent.glob(place.name.replace("--*", "--????????????")))


def recording_cost(
    context: Context, profile: str, models: Sequence[str], golden: Path, *, max_tokens: int = MAX_TOKENS
) -> tuple[int, Figure]:
    """How many calls recording still needs, and what they can cost at most."""
    from workbench.evaluate.budget import most_prompt_tokens
    from workbench.workflow.prices import price_book
    from workbench.workflow.spend import call_cost

    items, prices, calls, dollars = _items(golden), price_book(context), 0, 0.0
    owner, why = context.profile(profile), None
    for model in models:
        for item in _open_items(context, profile, model, golden, items):
            calls += 1
            cost = call_cost(owner, model, most_prompt_tokens(item.messages), max_tokens, prices=prices)
            dollars, why = dollars + (cost.value or 0.0), why or (cost.source if cost.value is None else None)
    if why is not None:
        return calls, Figure.not_measured("USD", why)
    return calls, Figure.estimated(dollars, "USD", f"at most: {calls} calls of {max_tokens} tokens each")


async def record_answers(
    context: Context,
    profile: str,
    models: Sequence[str],
    golden: Path,
    *,
    max_tokens: int = MAX_TOKENS,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Recorded]:
    """Ask every model every question once and keep each answer as it comes; those that are kept are not asked again.

    An answer that fails is counted and left for the next time. Raises `WorkbenchError` where the golden set cannot be
    read or the answers cannot be written.
    """
    items, found = _items(golden), []
    for model in models:
        found.append(await _record(context, profile, model, golden, items, max_tokens, progress))
    return found


async def _record(
    context: Context,
    profile: str,
    model: str,
    golden: Path,
    items: list[Item],
    max_tokens: int,
    progress: Callable[[str], None],
) -> Recorded:
    from workbench.evaluate.task import content_hash
    from workbench.providers.chat import complete
    from workbench.providers.errors import ProviderError
    from workbench.workspace.lines import append_line, read_lines

    path = answers_path(context, profile, model, content_hash(golden))
    waiting = list(_open_items(context, profile, model, golden, items))
    owner, gate, failures, done = context.profile(profile), asyncio.Semaphore(AT_ONCE), list[str](), 0

    async with await context.client(profile) as client:

        async def ask(item: Item) -> None:
            nonlocal done
            async with gate:
                try:
                    reply = await complete(client, model, item.messages, max_tokens=max_tokens, profile=owner)
                except ProviderError as error:
                    failures.append(error.why)
                    return
            line = {
                "index": item.index,
                "sha256": item.sha256,
                "model": model,
                "messages": list(item.messages),
                "reference": item.reference,
                "output": reply.text,
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
                "finish_reason": reply.finish_reason,
                "fingerprint": reply.fingerprint,
                "recorded_at": int(time.time()),
                "replay": owner.replay,
            }
            append_line(path, line)
            done += 1
            progress(f"{model}: {done} of {len(waiting)} answers")

        await asyncio.gather(*(ask(item) for item in waiting))
    kept = len({line.get("sha256") for line in read_lines(path)})
    return Recorded(model, path, kept, len(failures), failures[0] if failures else None)


def _items(golden: Path) -> list[Item]:
    from workbench.evaluate.task import load_items

    items = load_items(golden)
    if not items:
        raise WorkbenchError(str(golden), "has no records", "a golden set needs questions", code="empty_file")
    return items


def _open_items(context: Context, profile: str, model: str, golden: Path, items: list[Item]) -> Iterable[Item]:
    """Those that have no answer on the disk yet."""
    from workbench.evaluate.task import content_hash
    from workbench.workspace.lines import read_lines

    kept = {line.get("sha256") for line in read_lines(answers_path(context, profile, model, content_hash(golden)))}
    return [item for item in items if item.sha256 not in kept]
