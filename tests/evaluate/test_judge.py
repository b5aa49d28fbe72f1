"""A model as the scorer: blind, in both orders, and never a zero for what could not be read."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluate.fake_answerer import FakeAnswerer
from workbench.errors import WorkbenchError
from workbench.evaluate.bench import outlook, set_up
from workbench.evaluate.budget import CeilingReached
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.judge import CRITERION, judge_of, kappa, read_verdict
from workbench.evaluate.ledger import read_rows
from workbench.evaluate.results import RunResult
from workbench.evaluate.runner import run
from workbench.evaluate.scorers import ScorerError
from workbench.evaluate.task import TaskSpec

JUDGE = "openai/judge"
PAIRS = [(f"question {n}", f"the reference answer {n}") for n in range(20)]


def parts(question: str) -> tuple[str, str]:
    """The two answers in a judge's prompt."""
    first = question.split("<answer-a>\n")[1].split("\n</answer-a>")[0]
    second = question.split("<answer-b>\n")[1].split("\n</answer-b>")[0]
    return first, second


def honest(question: str) -> str:
    """Prefers a good answer to the reference, and the reference to a bad one, wherever they stand."""
    rank = [2 if "good" in text else 0 if "bad" in text else 1 for text in parts(question)]
    return "I weigh them.\nVERDICT: " + ("TIE" if rank[0] == rank[1] else "A" if rank[0] > rank[1] else "B")


class Court:
    """Runs with a judge."""

    def __init__(self, tmp_path: Path, write: Callable[..., str]) -> None:
        self.run_dir, self.cache_dir = tmp_path / "run", tmp_path / "cache"
        self.task = TaskSpec(test=write("test.jsonl", PAIRS), scorer="judge", scorer_args={"model": JUDGE})

    async def run(self, judge: Callable[[str], str], task: TaskSpec | None = None, **answers: Callable[[str], str]):
        self.judge = FakeAnswerer(judge, identity="judge@1", cost=0.001)
        self.candidates = {
            f"local/{name}": FakeAnswerer(answer, identity=name, cost=0.0) for name, answer in answers.items()
        }
        named = [parse_candidate(text) for text in self.candidates]
        return await run(
            task or self.task, named, {**self.candidates, JUDGE: self.judge},
            run_dir=self.run_dir, cache_dir=self.cache_dir,
        )  # fmt: skip


@pytest.fixture
def court(tmp_path: Path, write: Callable[..., str]) -> Court:
    return Court(tmp_path, write)


def score(result: RunResult, name: str) -> float | None:
    row = result.candidate(f"local/{name}")
    assert row is not None
    return row.score


async def test_a_score_is_the_share_of_wins_over_the_reference(court: Court) -> None:
    result = await court.run(
        honest, good=lambda q: f"good {q}", bad=lambda q: f"bad {q}", even=lambda q: f"as the reference {q}"
    )
    assert (score(result, "good"), score(result, "bad"), score(result, "even")) == (1.0, 0.0, 0.5)
    one = result.comparison("local/good", "local/bad")
    assert one is not None and one.difference == 1.0, "scores of one item are paired"
    assert result.judge is not None
    assert (result.judge.model, result.judge.criterion, result.judge.judged) == (JUDGE, CRITERION, 60)
    assert (result.judge.agreement, result.judge.kappa, result.judge.first_shown_wins) == (1.0, 1.0, 0.5)
    assert result.judge.cost == pytest.approx(0.001 * 120)
    assert all(row.cost == 0 for row in read_rows(court.run_dir)), "judging is no cost of the candidate"


async def test_the_judge_is_blind_and_sees_both_orders(court: Court) -> None:
    """No name, no mark of the reference; each answer stands first once."""
    await court.run(honest, good=lambda q: f"good {q}")
    prompts = [str(call[-1]["content"]) for call in court.judge.calls]
    assert len(prompts) == 40
    for call in court.judge.calls:
        said = " ".join(str(message["content"]) for message in call)
        assert "local/" not in said and "reference answer" in said and "candidate" not in said
    orders = {parts(prompt) for prompt in prompts if "question 7\n" in prompt}
    assert orders == {("good question 7", "the reference answer 7"), ("the reference answer 7", "good question 7")}


async def test_a_judge_that_reads_only_the_first_answer_shows_as_bias_and_decides_nothing(court: Court) -> None:
    result = await court.run(lambda _: "VERDICT: A", good=lambda q: f"good {q}", bad=lambda q: f"bad {q}")
    assert (score(result, "good"), score(result, "bad")) == (0.5, 0.5)
    assert result.judge is not None
    assert (result.judge.agreement, result.judge.first_shown_wins) == (0.0, 1.0)
    one = result.comparison("local/good", "local/bad")
    assert one is not None and one.verdict == "tied"


async def test_a_reply_without_a_verdict_is_a_failed_item_and_no_zero(court: Court) -> None:
    def judge(question: str) -> str:
        return "I cannot say" if "question 3\n" in question else honest(question)

    result = await court.run(judge, good=lambda q: f"good {q}")
    row = result.candidate("local/good")
    assert row is not None and (row.n, row.failed, row.score) == (19, 1, 1.0)
    failed = [one for one in read_rows(court.run_dir) if one.error]
    assert len(failed) == 1 and "gave no verdict, but 'I cannot say'" in str(failed[0].error)
    assert failed[0].output == "good question 3" and failed[0].score is None
    assert result.judge is not None and (result.judge.unreadable, result.judge.judged) == (1, 19)


async def test_an_answer_that_is_the_reference_needs_no_judge(court: Court) -> None:
    result = await court.run(honest, same=lambda q: f"the reference answer {q.rpartition(' ')[2]} ")
    assert score(result, "same") == 0.5 and court.judge.calls == []
    assert result.judge is not None and result.judge.agreement is None


async def test_nothing_is_judged_twice(court: Court) -> None:
    """Started again, and with one candidate more: the calls are those of the new one."""
    first = await court.run(honest, good=lambda q: f"good {q}")
    again = await court.run(honest, good=lambda q: f"good {q}", bad=lambda q: f"bad {q}")
    assert len(court.judge.calls) == 40 and court.candidates["local/good"].calls == []
    assert again.candidate("local/good").score == first.candidate("local/good").score


async def test_another_criterion_is_another_question(court: Court) -> None:
    await court.run(honest, good=lambda q: f"good {q}")
    task = court.task.model_copy(update={"scorer_args": {"model": JUDGE, "criterion": "which is shorter"}})
    result = await court.run(honest, task, good=lambda q: f"good {q}")
    assert "by this criterion alone: which is shorter." in str(court.judge.calls[0][0]["content"])
    assert result.judge is not None and result.judge.criterion == "which is shorter"


async def test_the_outlook_and_the_ceiling_hold_the_judge_too(court: Court) -> None:
    bench = await set_up(court.task, [parse_candidate("local/good")])
    paid = FakeAnswerer(honest, identity="judge@1", cost=0.001)

    async def seen():
        return await outlook(bench, {JUDGE: paid}, run_dir=court.run_dir, cache_dir=court.cache_dir)

    assert ((await seen()).calls, (await seen()).cost) == (40, pytest.approx(0.04))
    with pytest.raises(CeilingReached):
        await court.run(honest, court.task.model_copy(update={"max_cost": 0.0105}), good=lambda q: f"good {q}")
    assert len(court.judge.calls) == 10
    await court.run(honest, good=lambda q: f"good {q}")
    assert len(court.judge.calls) == 30


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("VERDICT: A", "a"),
        ("At first VERDICT: A, yet\n**Verdict:** B.", "b"),
        ("verdict - tie", "tie"),
        ("b", "b"),
        ("(A)", "a"),
        ("A is better than B", None),
        ("VERDICT: neither", None),
        ("", None),
        ("VERDICT: AB", None),
    ],
)
def test_verdicts_are_read_where_they_are_given_alone(reply: str, verdict: str | None) -> None:
    assert read_verdict(reply) == verdict


@given(st.text(max_size=200))
def test_no_reply_breaks_the_reader(reply: str) -> None:
    assert read_verdict(reply) in ("a", "b", "tie", None)
    assert read_verdict(f"{reply}\nVERDICT: B") == "b"


def test_kappa_is_sklearns() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = random.Random(4)
    for _ in range(20):
        pairs = [(rng.choice("wtl"), rng.choice("wwtl")) for _ in range(rng.randint(5, 60))]
        expected = cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs])
        assert kappa(pairs) == pytest.approx(expected, abs=1e-12)
    assert kappa([("w", "w")] * 5) is None and kappa([]) is None


def test_a_judge_must_be_a_model() -> None:
    for name in ("", "trivial/majority", "local/starter+few-shot:2"):
        with pytest.raises(ScorerError):
            judge_of(TaskSpec(scorer="judge", scorer_args={"model": name}))
    with pytest.raises(WorkbenchError):
        judge_of(TaskSpec(scorer="judge", scorer_args={"model": "nowhere"}))
    assert judge_of(TaskSpec(scorer="exact")) is None
