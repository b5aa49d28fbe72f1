"""What a run needs before its first call: items, candidates, prompts; and what its calls would come to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.evaluate.asking import Answerer, call_key
from workbench.evaluate.candidates import Candidate, trivial_candidates
from workbench.evaluate.ledger import AnswerCache, read_rows
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.retrieval import read_passages
from workbench.evaluate.scorers import Score, bind_scorer
from workbench.evaluate.task import Item, TaskError, TaskSpec, content_hash, load_items


@dataclass(frozen=True, slots=True)
class Call:
    """One candidate's call for one item."""

    candidate: Candidate
    item: Item
    repeat: int
    messages: list[dict[str, Any]]
    key: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A task made ready, with everybody who is measured, the trivial candidates that apply included."""

    task: TaskSpec
    sha256: str
    items: list[Item]
    train: list[Item]
    candidates: list[Candidate]
    score: Score
    maker: PromptMaker

    def check(self, answerers: Mapping[str, Answerer]) -> None:
        """Raise for what would fail later: no answerer, a ceiling that cannot be kept for want of a price."""
        for candidate in self.candidates:
            if candidate.is_trivial:
                continue
            answerer = answerers.get(candidate.text)
            if answerer is None:
                what = f"candidate {candidate.text}"
                raise WorkbenchError(what, "nothing answers for it", "name a model that is there")
            if self.task.max_cost is not None and answerer.costs_at_most([], 1) is None:
                why = "has no known price, so that a ceiling of the cost cannot be kept"
                key = f"prices.{candidate.profile}/{candidate.model}"
                hint = f"set it with `ftwb config set {key}.input USD` and `{key}.output`, by the million tokens"
                raise WorkbenchError(f"candidate {candidate.text}", why, hint, code="no_price", exit_code=2)

    def call(self, candidate: Candidate, item: Item, number: int, identity: str) -> Call:
        """The call of repeat `number`, from 0."""
        messages = self.maker.messages(candidate, item)
        key = call_key(
            messages,
            max_tokens=self.task.max_tokens,
            temperature=self.task.temperature,
            seed=self.task.seed + number,
            identity=identity,
            repeat=number,
        )
        return Call(candidate, item, number, messages, key)


async def set_up(task: TaskSpec, candidates: Sequence[Candidate], limit: int | None = None) -> Bench:
    """Read a task's files. Raises a sentence for what is wrong with one, with the scorer or with a technique."""
    if not task.test:
        raise TaskError("the task", "it has no test set", "give one with --test FILE", code="no_test_set")
    sha256 = content_hash(task.test)
    if task.test_sha256 not in (None, sha256):
        hint = "put the old file back, or start a new task on the new one"
        raise TaskError(task.test, "the frozen test set was changed", hint, code="test_set_changed")
    items = await asyncio.to_thread(load_items, task.test, task.system, limit)
    train = await asyncio.to_thread(load_items, task.train, task.system) if task.train else []
    maker = PromptMaker(
        train=train, passages=read_passages(task.docs) if task.docs else (), prompts=task.prompts, seed=task.seed
    )
    everyone = list(dict.fromkeys([*candidates, *trivial_candidates(task, train, items)]))
    for candidate in everyone:
        maker.check(candidate)
    score = bind_scorer(task.scorer, task.scorer_args, [item.reference for item in items])
    return Bench(task, sha256, items, train, everyone, score, maker)


def repeats(candidate: Candidate, repeat: int) -> int:
    """Trivial candidates always say the same: once is enough."""
    return 1 if candidate.is_trivial else repeat


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run would still have to ask."""

    calls: int
    cost: float | None
    """US dollars at most; None where a call has no known price."""
    unpriced: tuple[str, ...]
    """The candidates without one."""


async def outlook(
    bench: Bench, answerers: Mapping[str, Answerer], *, run_dir: Path, cache_dir: Path, repeat: int = 1
) -> Outlook:
    """The calls of these candidates that no earlier start and no other run has an answer to, and their price."""
    cache = AnswerCache(cache_dir)
    kept = {(row.candidate, row.key) for row in read_rows(run_dir) if row.error is None}
    calls, cost, unpriced = 0, 0.0, []
    for candidate in bench.candidates:
        answerer = answerers.get(candidate.text)
        if answerer is None:
            continue
        for number in range(repeats(candidate, repeat)):
            for item in bench.items:
                call = bench.call(candidate, item, number, answerer.identity)
                if (candidate.text, call.key) in kept or cache.get(call.key) is not None:
                    continue
                calls += 1
                most = answerer.costs_at_most(call.messages, bench.task.max_tokens)
                if most is None:
                    unpriced.append(candidate.text)
                cost += most or 0.0
            await asyncio.sleep(0)
    return Outlook(calls, None if unpriced else cost, tuple(dict.fromkeys(unpriced)))
