"""Runs made of scores, as the runner would have made them."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import UTC, datetime

from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import TaskSpec

TASK = TaskSpec(test="test.jsonl", train="train.jsonl", validation="validation.jsonl", scorer="exact", max_tokens=32)


def right(share: float, n: int = 300, seed: int = 0) -> list[float]:
    """Exactly `share` of `n` items right, spread by the seed."""
    scores = [1.0] * round(share * n) + [0.0] * (n - round(share * n))
    random.Random(seed).shuffle(scores)
    return scores


def made_run(
    scores: dict[str, list[float | None]],
    *,
    task: TaskSpec = TASK,
    leaked: tuple[int, int] | None = (0, 0),
    tokens: dict[str, int] | None = None,
    costs: dict[str, float] | None = None,
    recorded: Collection[str] = (),
) -> RunResult:
    """A run from each candidate's score by item; None is a failed call. `recorded` are those of a recording."""
    rows = [
        ItemResult(
            candidate=candidate,
            index=index,
            sha256=f"{index:064x}",
            key=f"{candidate}{index}",
            messages=[],
            output=None if score is None else "x",
            reference="x",
            score=score,
            prompt_tokens=0 if candidate.startswith("trivial/") else (tokens or {}).get(candidate, 50),
            completion_tokens=5,
            latency_s=0.5,
            cost=(costs or {}).get(candidate),
            error="the call failed" if score is None else None,
            recorded=candidate in recorded,
        )
        for candidate, all_scores in scores.items()
        for index, score in enumerate(all_scores)
    ]
    return summarise(
        rows,
        list(scores),
        run="run-7",
        test_sha256="ab" * 32,
        task=task,
        items=max(len(one) for one in scores.values()),
        created_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        leaked=leaked,
    )
