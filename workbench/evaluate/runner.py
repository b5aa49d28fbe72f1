"""Running a task: every candidate on every item, once, whatever happens in between.

Candidates of one profile run one after another, so that a host need not change models and a shared prefix stays
cached; profiles run side by side. Every answer is on disk before the next call is counted: a killed run goes on where
it was, and a call that was paid for is not made again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.catalog.figure import Origin
from workbench.errors import WorkbenchError
from workbench.evaluate.asking import CONCURRENCY, Answerer, Asker, OverBudget, failures, sentence
from workbench.evaluate.bench import Bench, Call, repeats, set_up
from workbench.evaluate.budget import Budget, CeilingReached
from workbench.evaluate.candidates import Candidate
from workbench.evaluate.dense import Embedder
from workbench.evaluate.judge import POINTS, Judge, is_same, report
from workbench.evaluate.leaks import find_leaks
from workbench.evaluate.ledger import Answer, AnswerCache, DiskError, Ledger, read_rows
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.scorers import Score
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import Item, TaskSpec, count_items
from workbench.evaluate.trivial import Guess, fit


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
    waiting: str = ""
    """What is waited for, where a provider asked for it."""
    spent: float = 0.0
    """US dollars of this start's calls, as far as they have a price."""


@dataclass(slots=True)
class _Study:
    """All that a run's workers share."""

    task: TaskSpec
    score: Score
    answerers: Mapping[str, Answerer]
    guesses: Mapping[str, Guess]
    ask: Asker
    ledger: Ledger
    progress: Callable[[Progress], None]
    total: int
    recorded: Collection[str] = ()
    """The candidates whose figures are a recording's."""
    judged: bool = False
    """A model scores, afterwards."""
    judging: int = 0
    """Answers that are there and are now judged one after the other."""
    started: float = field(default_factory=time.monotonic)
    rows: list[ItemResult] = field(default_factory=list)
    reused: int = 0
    called: int = 0
    failed: int = 0
    waiting: str = ""
    candidate: str = ""

    def add(self, row: ItemResult, *, reused: bool) -> None:
        self.rows.append(row)
        self.reused += reused
        self.failed += row.error is not None
        # Trivial candidates answer at once: they say nothing about how long the calls take.
        self.called += not reused and row.candidate not in self.guesses
        self.waiting, self.candidate = "", row.candidate
        self.tell()

    @property
    def done(self) -> int:
        return self.judging + len(self.rows)

    def wait(self, why: str) -> None:
        self.waiting = why
        self.tell()

    def tell(self) -> None:
        done, elapsed = self.done, time.monotonic() - self.started
        left = self.total - done
        eta = None if self.called == 0 and left else elapsed / max(self.called, 1) * left
        spent = self.ask.budget.spent
        self.progress(
            Progress(done, self.total, self.failed, self.reused, self.candidate, elapsed, eta, self.waiting, spent)
        )


async def run(
    task: TaskSpec,
    candidates: Sequence[Candidate],
    answerers: Mapping[str, Answerer],
    *,
    run_dir: Path,
    cache_dir: Path,
    concurrency: Mapping[str, int] | int = CONCURRENCY,
    limit: int | None = None,
    repeat: int = 1,
    seeds: Sequence[Mapping[str, int]] = (),
    embedders: Mapping[str, Embedder] | None = None,
    recorded: Collection[str] = (),
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunResult:
    """Measure all candidates, the trivial ones that apply included, and compare every pair.

    `answerers` has one for each candidate that calls a model, by `candidate.text`; `concurrency` is the most calls in
    flight for one profile, or by profile. `recorded` are the candidates, and the judge, that a recording stands behind.
    Starting again with the same `run_dir` goes on: answered items are kept,
    failed ones are tried again. Raises before the first call for anything that would fail later, and afterwards
    `CeilingReached` where it stopped for the task's `max_cost`, or with code `every_item_failed` where no model
    answered at all. Cancelling leaves a run that can go on.
    """
    bench = await set_up(task, candidates, limit)
    bench.check(answerers, embedders or {})
    items, train, everyone, score = bench.items, bench.train, bench.candidates, bench.score
    guesses = {one.text: await asyncio.to_thread(fit, one, train, score) for one in everyone if one.is_trivial}
    leaks = await asyncio.to_thread(find_leaks, items, train) if train else None
    by_recording = bench.judge is not None and bench.judge.text in recorded
    # What a recording judges is its word, also about an answer that was measured.
    replayed = frozenset(one.text for one in everyone) if by_recording else frozenset(recorded)
    ask = Asker(AnswerCache(cache_dir), Budget(task.max_cost), concurrency, lambda why: study.wait(why))
    answers = sum(repeats(one, repeat) * len(items) for one in everyone)
    total = answers * (2 if bench.judge else 1)
    with Ledger(run_dir) as ledger:
        study = _Study(task, score, answerers, guesses, ask, ledger, progress, total, judged=bench.judge is not None,
                       recorded=replayed)  # fmt: skip
        try:
            await bench.embed(embedders or {}, ask, cache_dir)
        except OverBudget:
            raise CeilingReached(run_dir.name, ask.budget, 0, total) from None
        await _answer_all(study, bench, read_rows(run_dir), repeat)
        if bench.judge is not None and not ask.budget.reached:
            _refuse_silence(study.rows, everyone)
            await _judge_all(study, bench, Judge(bench.judge, answerers[bench.judge.text], ask, task))
    if ask.budget.reached:
        raise CeilingReached(run_dir.name, ask.budget, study.done, total)
    _refuse_silence(study.rows, everyone)
    origin = Origin.RECORDED if by_recording else Origin.MEASURED
    judged = report(study.rows, bench.judge, task.scorer_args.get("criterion"), origin) if bench.judge else None
    return summarise(
        study.rows,
        [one.text for one in everyone],
        run=run_dir.name,
        test_sha256=bench.sha256,
        task=task,
        items=len(items),
        items_in_file=len(items) if limit is None else await asyncio.to_thread(count_items, str(task.test)),
        repeat=repeat,
        leaked=(leaks.exact, leaks.near) if leaks else None,
        seeds=seeds,
        judge=judged,
    )


async def _answer_all(study: _Study, bench: Bench, earlier: Sequence[ItemResult], repeat: int) -> None:
    known = {(row.candidate, row.key): row for row in earlier if row.error is None}
    profiles: dict[str, list[Candidate]] = {}
    for candidate in bench.candidates:
        profiles.setdefault(candidate.profile, []).append(candidate)

    async def one_profile(own: Sequence[Candidate]) -> None:
        for candidate in own:
            waiting: list[Call] = []
            identity = candidate.text if candidate.is_trivial else study.answerers[candidate.text].identity
            for number in range(repeats(candidate, repeat)):
                for item in bench.items:
                    call = bench.call(candidate, item, number, identity)
                    row = known.get((candidate.text, call.key))
                    if row is not None and row.index == item.index:
                        study.add(_rescored(study, row, item), reused=True)
                    else:
                        waiting.append(call)
                # Prompts are made in one go; the app's event loop gets its turn between repeats.
                await asyncio.sleep(0)
            await _in_flight(study, waiting)

    try:
        async with asyncio.TaskGroup() as group:
            for own in profiles.values():
                group.create_task(one_profile(own))
    except ExceptionGroup as several:
        raise _first(several) from several


def _first(several: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group of groups: a full disk is one cause, however many calls it stops."""
    error: Exception = several
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _judge_all(study: _Study, bench: Bench, judge: Judge) -> None:
    """Judge every answer, after all of them were given: one machine need not hold two models in turn."""
    items = {item.index: item for item in bench.items}
    answered, study.rows = study.rows, []
    study.judging = len(answered)
    try:
        async with asyncio.TaskGroup() as group:
            for row in answered:
                group.create_task(_judge(study, judge, row, items[row.index]))
    except ExceptionGroup as several:
        raise _first(several) from several
    study.rows.sort(key=lambda row: (row.candidate, row.repeat, row.index))


async def _judge(study: _Study, judge: Judge, row: ItemResult, item: Item) -> None:
    if row.output is not None and row.error is None:
        row = row.model_copy(update={"score": None, "judged": None, "judge_cost": None, "note": None})
        if is_same(row.output or "", item.reference):
            row.score, row.note = POINTS["tie"], None
        else:
            try:
                first, second, row.judge_cost = await judge(item, row.output or "")
                row.judged, row.score = [first, second], (POINTS[first] + POINTS[second]) / 2
            except OverBudget:
                return
            except DiskError:
                raise
            except failures() as error:
                row.error = sentence(error)
        study.ledger.append(row)
    study.add(row, reused=False)
    await asyncio.sleep(0)


async def _in_flight(study: _Study, calls: Sequence[Call]) -> None:
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(_answer(study, call))


def _rescored(study: _Study, row: ItemResult, item: Item) -> ItemResult:
    """An earlier answer with today's scorer: scores are cheap, answers are not."""
    if study.judged:
        return row.model_copy(update={"score": None, "note": None, "reference": item.reference})
    scored = study.score(row.output or "", item.reference)
    return row.model_copy(update={"score": scored.value, "note": scored.note, "reference": item.reference})


async def _answer(study: _Study, call: Call) -> None:
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
        recorded=call.candidate.text in study.recorded,
    )
    if call.candidate.is_trivial:
        answer: Answer | None = Answer(
            text=study.guesses[call.candidate.text](item), prompt_tokens=0, completion_tokens=0, cost=0.0
        )
    else:
        try:
            answer, row.cached = await study.ask(
                call.candidate.profile,
                study.answerers[call.candidate.text],
                call.key,
                call.messages,
                max_tokens=task.max_tokens,
                temperature=task.temperature,
                seed=task.seed + call.repeat,
            )
        except OverBudget:
            return
        except DiskError:
            raise
        except failures() as error:
            answer, row.error = None, sentence(error)
    if answer is not None:
        row.output = answer.text
        if not study.judged:
            scored = study.score(answer.text, item.reference)
            row.score, row.note = scored.value, scored.note
        for name in Answer.model_fields.keys() - {"text"}:
            setattr(row, name, getattr(answer, name))
    study.ledger.append(row)
    study.add(row, reused=row.cached)
    await asyncio.sleep(0)


def _refuse_silence(rows: Sequence[ItemResult], everyone: Sequence[Candidate]) -> None:
    calling = {candidate.text for candidate in everyone if not candidate.is_trivial}
    asked = [row for row in rows if row.candidate in calling]
    if asked and all(row.error is not None for row in asked):
        ((commonest, count),) = Counter(row.error or "" for row in asked).most_common(1)
        what = f"all {len(asked)} calls of {len(calling)} candidate{'s' * (len(calling) > 1)}"
        why = f"failed, {count} of them with: {commonest}"
        raise WorkbenchError(what, why, "mend the cause and start again; nothing was scored", code="every_item_failed")
