"""`limit`: records over a number of tokens are dropped, trimmed, or only counted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from workbench.dataset.formats import CHAT_LIKE, Format, RecordError, to_chat, tools_of
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, Drop, RecordStep, StepRun
from workbench.dataset.texts import Text, texts_of

Over = Literal["drop", "trim-start", "trim-turns", "keep"]
Measure = Callable[[Any], int]


class Limit(RecordStep):
    """What becomes of records over a number of tokens.

    `drop` drops them. `trim-turns` takes whole turns away, the oldest first, down to the last exchange; system messages
    stay. `trim-start` does so too, and where that is not enough cuts the beginning of what is left of the prompt.
    `keep` keeps them, and the replay says how many there are. A record that cannot be trimmed enough is left as it is.
    """

    KIND: ClassVar[str] = "limit"

    tokens: int = Field(ge=1)
    model: str = ""
    """Whose tokens; empty: the cookbook's."""
    over: Over = "drop"

    @property
    def title(self) -> str:
        """As `drop over 4,096 tokens`."""
        return f"{self.over} over {self.tokens:,} tokens"

    def begin(self, run: StepRun) -> Act:
        """Count one record after another."""
        counter = run.counter(self.model)

        def measure(value: Any) -> int:
            return counter.messages(to_chat(value, run.format), tools_of(value)).total

        def act(entry: Entry) -> int | Drop:
            try:
                size = measure(entry.value)
            except RecordError:
                return 0
            if size <= self.tokens:
                return 0
            if self.over == "drop":
                return Drop(f"limit: {size:,} tokens, over {self.tokens:,}")
            return self._trim(entry, measure, run)

        return act

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """As every step; at the end it is said how many are still over the limit."""
        yield from super().apply(entries, run)
        if run.left_over:
            run.differs("over_limit", f"{run.left_over} records are over {self.tokens:,} tokens and were kept")

    def _trim(self, entry: Entry, measure: Measure, run: StepRun) -> int:
        if self.over != "keep":
            trimmed = trim(entry.value, run.format, self.tokens, measure, cut=self.over == "trim-start")
            if trimmed is not None:
                entry.put(trimmed)
                return 1
        run.left_over += 1
        return 0


def trim(value: Any, fmt: Format, most: int, measure: Measure, *, cut: bool) -> Any | None:
    """A copy of the record with at most `most` tokens, without its oldest turns; None where that cannot be.

    With `cut` the beginning of the remaining prompt goes too. What is answered last stays whole.
    """
    value = copy.deepcopy(value)
    turns = _turns(value, fmt)
    if turns is not None:
        for count in _cuts(turns):
            shorter = turns[:]
            _without(shorter, count)
            kept, turns[:] = turns[:], shorter
            if measure(value) <= most:
                return value
            turns[:] = kept
        cuts = _cuts(turns)
        if cuts:
            _without(turns, cuts[-1])
    return _cut_start(value, fmt, most, measure) if cut else None


def _turns(value: Any, fmt: Format) -> list[Any] | None:
    """The list of messages that turns can be taken from."""
    match fmt:
        case _ if fmt in CHAT_LIKE:
            held = value.get("messages")
        case Format.SHAREGPT:
            held = value.get("conversations")
        case Format.PREFERENCE:
            held = value.get("input", {}).get("messages")
        case Format.PROMPT_COMPLETION | Format.UNPAIRED | Format.TRL_PREFERENCE:
            held = value.get("prompt")
        case Format.ALPACA:
            held = value.get("history")
        case _:
            held = None
    return held if isinstance(held, list) else None


def _speaker(turn: Any) -> str:
    role = turn.get("role", turn.get("from")) if isinstance(turn, dict) else ""
    return "user" if role in ("human", "user") else str(role)


def _leading(turns: list[Any]) -> int:
    """How many of the first turns are the system's."""
    return next((i for i, turn in enumerate(turns) if _speaker(turn) not in ("system", "developer")), len(turns))


def _cuts(turns: list[Any]) -> list[int]:
    """Numbers of turns behind the system's that can go: what is left begins with the user, or is a whole pair."""
    if turns and isinstance(turns[0], list):  # Alpaca's history: each is an exchange
        return list(range(1, len(turns) + 1))
    first = _leading(turns)
    return [i - first for i in range(first + 1, len(turns)) if _speaker(turns[i]) == "user"]


def _without(turns: list[Any], count: int) -> None:
    """Take `count` turns away, the oldest but the system's."""
    first = 0 if turns and isinstance(turns[0], list) else _leading(turns)
    del turns[first : first + count]


def _cut_start(value: Any, fmt: Format, most: int, measure: Measure) -> Any | None:
    """Cut the beginning of the first text that is not the system's, nor what is answered."""
    texts = [text for text in texts_of(value, fmt) if text.role not in ("system", "developer")]
    target = next((text for text in texts if text.role == "user" and text.text), None)
    if fmt is Format.TEXT and texts:
        target = texts[0]
    if target is None:
        return None
    return value if _shortest_cut(target, lambda: measure(value) <= most) else None


def _shortest_cut(target: Text, fits: Callable[[], bool]) -> bool:
    """Cut as few characters as needed from the text's start (binary search, at least one stays); whether it fits."""
    whole = target.text
    low, high = 0, len(whole) - 1
    target.put(whole[high:])
    if high < 0 or not fits():
        target.put(whole)
        return False
    while low < high:
        middle = (low + high) // 2
        target.put(whole[middle:])
        if fits():
            high = middle
        else:
            low = middle + 1
    target.put(whole[high:].lstrip())
    if not target.text or not fits():
        target.put(whole[high:])
    return True
