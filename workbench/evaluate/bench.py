"""What a run needs before its first call: items, candidates, prompts; and what its calls would come to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.evaluate.asking import Answerer, Asker, call_key
from workbench.evaluate.budget import BYTES_A_TOKEN, Budget
from workbench.evaluate.candidates import Candidate, trivial_candidates
from workbench.evaluate.dense import DenseIndex, Embedder, build_index, unknown
from workbench.evaluate.judge import Judge, is_same, judge_of
from workbench.evaluate.ledger import AnswerCache, read_rows
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.retrieval import read_passages
from workbench.evaluate.scorers import Score, bind_scorer
from workbench.evaluate.task import Item, TaskError, TaskSpec, content_hash, load_items
from workbench.evaluate.trivial import fit


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
    judge: Candidate | None = None
    """The model that scores, where one does."""

    @property
    def asked(self) -> list[Candidate]:
        """Everybody whose model is called: candidates, and the judge."""
        calling = [one for one in self.candidates if not one.is_trivial]
        return calling if self.judge is None else [*calling, self.judge]

    @property
    def dense(self) -> list[Candidate]:
        """Candidates that need an embedding model."""
        return [one for one in self.candidates if one.is_dense]

    @property
    def embedded(self) -> list[str]:
        """All texts that an embedding model must have seen."""
        return [*self.maker.corpus, *(item.question for item in self.items)]

    def check(self, answerers: Mapping[str, Answerer], embedders: Mapping[str, Embedder]) -> None:
        """Raise for what would fail later: no answerer, a ceiling that cannot be kept for want of a price."""
        for candidate in self.asked:
            answerer = answerers.get(candidate.text)
            if answerer is None:
                what = f"candidate {candidate.text}"
                raise WorkbenchError(what, "nothing answers for it", "name a model that is there")
            if self.task.max_cost is not None and answerer.costs_at_most([], 1) is None:
                why = "has no known price, so that a ceiling of the cost cannot be kept"
                key = f"prices.{candidate.profile}/{candidate.model}"
                hint = f"set it with `ftwb config set {key}.input USD` and `{key}.output`, by the million tokens"
                raise WorkbenchError(f"candidate {candidate.text}", why, hint, code="no_price", exit_code=2)

        for candidate in self.dense:
            embedder = embedders.get(candidate.text)
            if embedder is None:
                what = f"candidate {candidate.text}"
                raise WorkbenchError(what, "no embedding model answers for it", "leave :dense out")
            if self.task.max_cost is not None and embedder.costs_at_most([""]) is None:
                why = f"its embedding model {embedder.identity} has no known price, so that a ceiling cannot be kept"
                hint = f"set it with `ftwb config set prices.{embedder.identity}.input USD`, by the million tokens"
                raise WorkbenchError(f"candidate {candidate.text}", why, hint, code="no_price", exit_code=2)

    async def embed(self, embedders: Mapping[str, Embedder], ask: Asker, cache_dir: Path) -> None:
        """Make the indexes of the candidates that search by vectors. Raises `OverBudget` and a provider's errors."""
        indexes: dict[str, DenseIndex] = {}
        for candidate in self.dense:
            embedder = embedders[candidate.text]
            if embedder.identity not in indexes:
                questions = [item.question for item in self.items]
                corpus = self.maker.corpus
                indexes[embedder.identity] = await build_index(corpus, questions, embedder, ask, cache_dir)
            self.maker.dense[candidate.text] = indexes[embedder.identity]

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
        train=train,
        passages=read_passages(task.docs, task.rag.chunk) if task.docs else (),
        prompts=task.prompts,
        rag=task.rag,
        seed=task.seed,
    )
    everyone = list(dict.fromkeys([*candidates, *trivial_candidates(task, train, items)]))
    for candidate in everyone:
        maker.check(candidate)
    score = bind_scorer(task.scorer, task.scorer_args, [item.reference for item in items])
    return Bench(task, sha256, items, train, everyone, score, maker, judge_of(task))


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
    embedded: int = 0
    """Texts that are still to be embedded."""


async def outlook(
    bench: Bench,
    answerers: Mapping[str, Answerer],
    embedders: Mapping[str, Embedder] | None = None,
    *,
    run_dir: Path,
    cache_dir: Path,
    repeat: int = 1,
) -> Outlook:
    """The calls of these candidates that no earlier start and no other run has an answer to, and their price."""
    ask = Asker(AnswerCache(cache_dir), Budget(None))
    kept = {(row.candidate, row.key): row.output or "" for row in read_rows(run_dir) if row.error is None}
    found, new = _Sum(), _to_embed(bench, embedders or {}, cache_dir)
    if bench.dense and embedders and not new:
        await bench.embed(embedders, ask, cache_dir)
    found.cost += sum(embedder.costs_at_most(texts) or 0.0 for embedder, texts in new)
    judge = None
    if bench.judge is not None and bench.judge.text in answerers:
        judge = Judge(bench.judge, answerers[bench.judge.text], ask, bench.task)
    for candidate in bench.candidates:
        answerer = answerers.get(candidate.text)
        guess = fit(candidate, bench.train, bench.score) if judge is not None and candidate.is_trivial else None
        for number in range(repeats(candidate, repeat)):
            for item in bench.items:
                said = guess(item) if guess is not None else None
                if answerer is not None:
                    call = bench.call(candidate, item, number, answerer.identity)
                    said = kept.get((candidate.text, call.key))
                    if said is None and (known := ask.known(call.key)) is not None:
                        said = known.text
                    if said is None:
                        found.add(1, answerer.costs_at_most(call.messages, bench.task.max_tokens), candidate)
                if judge is not None:
                    _add_judging(found, judge, item, said, bench.task.max_tokens)
            await asyncio.sleep(0)
    cost = None if found.unpriced else found.cost
    return Outlook(found.calls, cost, tuple(dict.fromkeys(found.unpriced)), sum(len(texts) for _, texts in new))


def _to_embed(bench: Bench, embedders: Mapping[str, Embedder], cache_dir: Path) -> list[tuple[Embedder, list[str]]]:
    needed = {embedders[one.text].identity: embedders[one.text] for one in bench.dense if one.text in embedders}
    found = [(embedder, unknown(bench.embedded, embedder, cache_dir)) for embedder in needed.values()]
    return [(embedder, texts) for embedder, texts in found if texts]


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    cost: float = 0.0
    unpriced: list[str] = field(default_factory=list)

    def add(self, calls: int, most: float | None, candidate: Candidate) -> None:
        self.calls += calls
        self.cost += most or 0.0
        if most is None:
            self.unpriced.append(candidate.text)


def _add_judging(found: _Sum, judge: Judge, item: Item, said: str | None, max_tokens: int) -> None:
    """The judge's two calls for an answer; one that is not there yet is taken to be as long as it may be."""
    if said is not None and is_same(said, item.reference):
        return
    most = judge.costs_at_most(item, said if said is not None else "x" * max_tokens * BYTES_A_TOKEN)
    if most is None or most > 0:
        found.add(2, most, judge.candidate)
