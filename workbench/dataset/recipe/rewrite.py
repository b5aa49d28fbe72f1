"""Texts that a model is to write anew: what it is asked, and what comes of its answers. Who answers is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.digest import digest_raw
from workbench.dataset.formats import Format
from workbench.dataset.recipe.steps.rewrite import Rewritten
from workbench.dataset.rows import DecodeError, decode
from workbench.dataset.texts import Text, texts_of
from workbench.dataset.tokens import Counter
from workbench.errors import WorkbenchError

Complete = Callable[[Sequence[Mapping[str, Any]]], Awaitable[str]]
"""A model's whole answer to a conversation; raises WorkbenchError."""

_HOPELESS = 5
"""Failures before any success after which nobody is asked any more: a wrong key fails ten thousand times too."""


@dataclass(frozen=True, slots=True)
class Request:
    """One text that is to be written anew."""

    key: int
    """What the caller knows the record by."""
    record: str
    """The record's content hash."""
    place: str
    text: str
    messages: tuple[dict[str, str], ...]
    """What the model is asked."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that was not rewritten, and why; its record stays as it is."""

    key: int
    place: str
    why: str


@dataclass(slots=True)
class Outcome:
    """What came of the answers so far."""

    rewritten: list[Rewritten] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    done: int = 0
    """Texts that were asked for, whatever came of it."""


def requests_for(
    records: Iterable[tuple[int, bytes]], fmt: Format, prompt: str, role: str = "assistant"
) -> Iterator[Request]:
    """What to ask for each text of `role`, record by record; broken records and empty texts ask nothing.

    In the prompt `{text}` stands for the text and `{conversation}` for what was said before it; without either the
    prompt is the system's message and the text the user's. Equal records ask once.
    """
    asked: set[str] = set()
    for key, raw in records:
        digest = digest_raw(raw)
        if digest in asked:
            continue
        asked.add(digest)
        try:
            texts = list(texts_of(decode(raw), fmt))
        except DecodeError:
            continue
        for number, text in enumerate(texts):
            if text.role == role and text.text.strip():
                messages = _messages(prompt, text.text, texts[:number])
                yield Request(key, digest, text.place, text.text, tuple(messages))


def _messages(prompt: str, text: str, before: Sequence[Text]) -> list[dict[str, str]]:
    if "{text}" not in prompt and "{conversation}" not in prompt:
        return [{"role": "system", "content": prompt}, {"role": "user", "content": text}]
    said = "\n\n".join(f"{one.role}: {one.text}" for one in before)
    # Split before it is joined: a text may hold the other placeholder's name.
    parts = [part.replace("{conversation}", said) for part in prompt.split("{text}")]
    return [{"role": "user", "content": text.join(parts)}]


def tokens_of(requests: Iterable[Request], counter: Counter) -> tuple[int, int]:
    """Tokens of all prompts, and of all answers if they were as long as what they replace."""
    prompts = answers = 0
    for request in requests:
        prompts += counter.messages(request.messages).total
        answers += counter.text(request.text)
    return prompts, answers


async def rewrite(
    requests: Sequence[Request],
    complete: Complete,
    *,
    concurrency: int = 4,
    progress: Callable[[int, int, int], None] = lambda done, total, failed: None,
) -> Outcome:
    """Ask for every text, some at a time; a record of which one text fails is left as it is, and said.

    `progress` gets texts done, in all, and failed. Cancelling leaves nothing half done: only the outcome counts. Raises
    the first error where the first calls all fail.
    """
    outcome = Outcome()
    answers: dict[str, dict[str, str]] = {}
    waiting = iter(requests)

    async def one_after_another() -> None:
        for request in waiting:
            try:
                answer = (await complete(request.messages)).strip()
                why = "" if answer else "the model answered nothing"
            except WorkbenchError as error:
                answer, why = "", str(error)
                if not answers and len(outcome.failures) + 1 >= min(_HOPELESS, len(requests)):
                    raise
            if why:
                outcome.failures.append(Failure(request.key, request.place, why))
            else:
                answers.setdefault(request.record, {})[request.place] = answer
            outcome.done += 1
            progress(outcome.done, len(requests), len(outcome.failures))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(one_after_another())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    failed = {failure.key for failure in outcome.failures}
    keys = {request.record: request.key for request in requests}
    # In the order of the records, not of the answers: the recipe is then the same whoever was quicker.
    for record, key in keys.items():
        if record in answers and key not in failed:
            outcome.rewritten.append(Rewritten(record=record, texts=dict(sorted(answers[record].items()))))
    outcome.failures.sort(key=lambda failure: (failure.key, failure.place))
    return outcome
