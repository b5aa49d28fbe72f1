"""Running a task: every candidate on every item, once, whatever happens in between.

Candidates of one profile run one after another, so that a host need not change models and a shared prefix stays
cached; profiles run side by side. Every answer is on disk before the next call is counted: a killed run goes on where
it was, and a call that was paid for is not made again.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, trivial_candidates
from workbench.evaluate.leaks import find_leaks
from workbench.evaluate.ledger import Answer, AnswerCache, Ledger, read_rows
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.results import ItemResult, RunResult, summarise
from workbench.evaluate.retrieval import read_passages
from workbench.evaluate.scorers import Score, bind_scorer
from workbench.evaluate.task import Item, TaskError, TaskSpec, content_hash, count_items, digest, load_items
from workbench.evaluate.trivial import Guess, fit


class Answerer(Protocol):
    """Something that answers for one candidate's model."""

    @property
    def identity(self) -> str:
        """Model content (hosted: id and date), host and precision: what the cache must tell apart."""
        ...

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        """One answer; raises `WorkbenchError`, an error of the SDK or an `OSError` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    done: int
    total: int
    failed: int
    reused: int
    """Answers taken from an earlier start of this run or from the cache."""
    candidate: str
    elapsed_s: float
    eta_s: float | None
    """Left at the speed of the calls so far; None before the first one ended."""


@dataclass(frozen=True, slots=True)
class _Call:
    candidate: Candidate
    item: Item
    repeat: int
    messages: list[dict[str, Any]]
    key: str


@dataclass(slots=True)
class _Study:
    """All that a run's workers share."""

    task: TaskSpec
    score: Score
    answerers: Mapping[str, Answerer]
    guesses: Mapping[str, Guess]
    cache: AnswerCache
    ledger: Ledger
    progress: Callable[[Progress], None]
    total: int
    started: float = field(default_factory=time.monotonic)
    rows: list[ItemResult] = field(default_factory=list)
    reused: int = 0
    called: int = 0
    failed: int = 0

    def add(self, row: ItemResult, *, reused: bool) -> None:
        self.rows.append(row)
        self.reused += reused
        self.failed += row.error is not None
        # Trivial candidates answer at once: they say nothing about how long the calls take.
        self.called += not reused and row.candidate not in self.guesses
        elapsed = time.monotonic() - self.started
        left = self.total - len(self.rows)
        eta = None if self.called == 0 and left else elapsed / max(self.called, 1) * left
        self.progress(Progress(len(self.rows), self.total, self.failed, self.reused, row.candidate, elapsed, eta))


async def run(
    task: TaskSpec,
    candidates: Sequence[Candidate],
    answerers: Mapping[str, Answerer],
    *,
    run_dir: Path,
    cache_dir: Path,
    concurrency: int = 4,
    limit: int | None = None,
    repeat: int = 1,
    seeds: Sequence[Mapping[str, int]] = (),
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunResult:
    """Measure all candidates, the trivial ones that apply included, and compare every pair.

    `answerers` has one for each candidate that calls a model, by `candidate.text`; `concurrency` is the number of calls
    in flight for one profile. Starting again with the same `run_dir` goes on: answered items are kept, failed ones are
    tried again. Raises before the first call for anything that would fail later, and afterwards with code
    `every_item_failed` where no model answered at all. Cancelling leaves a run that can go on.
    """
    if not task.test:
        raise TaskError("the task", "it has no test set", "give one with --test FILE", code="no_test_set")
    sha256 = content_hash(task.test)
    if task.test_sha256 not in (None, sha256):
        hint = "put the old file back, or start a new task on the new one"
        raise TaskError(task.test, "the frozen test set was changed", hint, code="test_set_changed")
    items = await asyncio.to_thread(load_items, task.test, task.system, limit)
    train = await asyncio.to_thread(load_items, task.train, task.system) if task.train else []
    score = bind_scorer(task.scorer, task.scorer_args, [item.reference for item in items])
    everyone = list(dict.fromkeys([*candidates, *trivial_candidates(task, train, items)]))
    maker = PromptMaker(
        train=train, passages=read_passages(task.docs) if task.docs else (), prompts=task.prompts, seed=task.seed
    )
    for candidate in everyone:
        maker.check(candidate)
        if not candidate.is_trivial and candidate.text not in answerers:
            raise WorkbenchError(f"candidate {candidate.text}", "nothing answers for it", "name a model that is there")
    guesses = {one.text: await asyncio.to_thread(fit, one, train, score) for one in everyone if one.is_trivial}
    leaks = await asyncio.to_thread(find_leaks, items, train) if train else None
    cache = AnswerCache(cache_dir)
    total = sum(_repeats(one, repeat) * len(items) for one in everyone)
    with Ledger(run_dir) as ledger:
        study = _Study(task, score, answerers, guesses, cache, ledger, progress, total)
        await _answer_all(study, everyone, items, maker, read_rows(run_dir), concurrency, repeat)
    _refuse_silence(study.rows, everyone)
    return summarise(
        study.rows,
        [one.text for one in everyone],
        run=run_dir.name,
        test_sha256=sha256,
        task=task,
        items=len(items),
        items_in_file=len(items) if limit is None else await asyncio.to_thread(count_items, task.test),
        repeat=repeat,
        leaked=(leaks.exact, leaks.near) if leaks else None,
        seeds=seeds,
    )


async def _answer_all(
    study: _Study,
    everyone: Sequence[Candidate],
    items: Sequence[Item],
    maker: PromptMaker,
    earlier: Sequence[ItemResult],
    concurrency: int,
    repeat: int,
) -> None:
    known = {(row.candidate, row.key): row for row in earlier if row.error is None}
    profiles: dict[str, list[Candidate]] = {}
    for candidate in everyone:
        profiles.setdefault(candidate.profile, []).append(candidate)

    async def one_profile(own: Sequence[Candidate]) -> None:
        gate = asyncio.Semaphore(max(1, concurrency))
        for candidate in own:
            waiting: list[_Call] = []
            for number in range(_repeats(candidate, repeat)):
                for item in items:
                    call = _call(study, candidate, item, number, maker)
                    row = known.get((candidate.text, call.key))
                    if row is not None and row.index == item.index:
                        study.add(_rescored(study.score, row, item), reused=True)
                    else:
                        waiting.append(call)
                # Prompts are made in one go; the app's event loop gets its turn between repeats.
                await asyncio.sleep(0)
            await _in_flight(study, waiting, gate)

    try:
        async with asyncio.TaskGroup() as group:
            for own in profiles.values():
                group.create_task(one_profile(own))
    except ExceptionGroup as several:
        raise _first(several) from several


def _repeats(candidate: Candidate, repeat: int) -> int:
    """Trivial candidates always say the same: once is enough."""
    return 1 if candidate.is_trivial else repeat


def _first(several: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group of groups: a full disk is one cause, however many calls it stops."""
    error: Exception = several
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _in_flight(study: _Study, calls: Sequence[_Call], gate: asyncio.Semaphore) -> None:
    async def one(call: _Call) -> None:
        async with gate:
            await _answer(study, call)

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))


def _call(study: _Study, candidate: Candidate, item: Item, number: int, maker: PromptMaker) -> _Call:
    task = study.task
    messages = maker.messages(candidate, item)
    identity = candidate.text if candidate.is_trivial else study.answerers[candidate.text].identity
    key = digest(
        {
            "messages": messages,
            "max_tokens": task.max_tokens,
            "temperature": task.temperature,
            "seed": task.seed + number,
            "identity": identity,
            "repeat": number,
        }
    )
    return _Call(candidate, item, number, messages, key)


def _rescored(score: Score, row: ItemResult, item: Item) -> ItemResult:
    """An earlier answer with today's scorer: scores are cheap, answers are not."""
    scored = score(row.output or "", item.reference)
    return row.model_copy(update={"score": scored.value, "note": scored.note, "reference": item.reference})


async def _answer(study: _Study, call: _Call) -> None:
    item, task = call.item, study.task
    row = ItemResult(
        candidate=call.candidate.text,
        index=item.index,
        repeat=call.repeat,
        sha256=item.sha256,
        key=call.key,
        group=item.group,
        messages=call.messages,
        reference=item.reference,
    )
    if call.candidate.is_trivial:
        answer: Answer | None = Answer(
            text=study.guesses[call.candidate.text](item), prompt_tokens=0, completion_tokens=0, cost=0.0
        )
    else:
        answer = study.cache.get(call.key)
        row.cached = answer is not None
        if answer is None:
            try:
                answer = await study.answerers[call.candidate.text](
                    call.messages,
                    max_tokens=task.max_tokens,
                    temperature=task.temperature,
                    seed=task.seed + call.repeat,
                )
            except _failures() as error:
                row.error = sentence(error)
            else:
                study.cache.put(call.key, answer)
    if answer is not None:
        scored = study.score(answer.text, item.reference)
        row.output, row.score, row.note = answer.text, scored.value, scored.note
        for name in Answer.model_fields.keys() - {"text"}:
            setattr(row, name, getattr(answer, name))
    study.ledger.append(row)
    study.add(row, reused=row.cached)
    await asyncio.sleep(0)


def _failures() -> tuple[type[Exception], ...]:
    """What a failed call raises. The SDK's errors are named only where its module is loaded: importing it is slow."""
    found: list[type[Exception]] = [WorkbenchError, OSError, TimeoutError]
    for module, name in (("openai", "OpenAIError"), ("httpx2", "HTTPError"), ("httpx", "HTTPError")):
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, name):
            found.append(getattr(loaded, name))
    return tuple(found)


def sentence(error: Exception) -> str:
    """An error on one line, with its kind where its text says little."""
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {text}"


def _refuse_silence(rows: Sequence[ItemResult], everyone: Sequence[Candidate]) -> None:
    calling = {candidate.text for candidate in everyone if not candidate.is_trivial}
    asked = [row for row in rows if row.candidate in calling]
    if asked and all(row.error is not None for row in asked):
        ((commonest, count),) = Counter(row.error or "" for row in asked).most_common(1)
        what = f"all {len(asked)} calls of {len(calling)} candidate{'s' * (len(calling) > 1)}"
        why = f"failed, {count} of them with: {commonest}"
        raise WorkbenchError(what, why, "mend the cause and start again; nothing was scored", code="every_item_failed")
