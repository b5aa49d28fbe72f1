"""Rows of a run made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.evaluate.results import ItemResult

SYSTEM = {"role": "system", "content": "Name the colour."}


def row(
    candidate: str,
    index: int,
    score: float | None,
    *,
    question: str = "What colour is the sky?",
    output: str | None = None,
    reference: str = "blue",
    shots: int = 0,
    turns: int = 1,
    repeat: int = 0,
    group: str | None = None,
) -> ItemResult:
    """One answer; `shots` examples stand before the question, and the person spoke `turns` times."""
    example = [
        {"role": "user", "content": "And grass, what colour is that?"},
        {"role": "assistant", "content": "green"},
    ]
    earlier = [{"role": "user", "content": "hm"}, {"role": "assistant", "content": "yes?"}] * (turns - 1)
    return ItemResult(
        candidate=candidate,
        index=index,
        repeat=repeat,
        sha256=f"item {index}",
        key="key",
        group=group,
        messages=[SYSTEM, *example * shots, *earlier, {"role": "user", "content": question}],
        output=None if score is None else output if output is not None else f"{candidate} says {score}",
        reference=reference,
        score=score,
        error="timed out" if score is None else None,
    )


def rows_of(scores: Mapping[str, Sequence[float | None]]) -> list[ItemResult]:
    """Rows by candidate, one score an item."""
    return [row(candidate, index, score) for candidate, all_of in scores.items() for index, score in enumerate(all_of)]
