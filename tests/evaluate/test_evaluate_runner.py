"""Runs: every candidate on every item, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.fake_answerer import FakeAnswerer
from workbench.catalog.figure import Origin
from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.ledger import ITEMS, read_rows
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.runner import Progress, run
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import TaskError, TaskSpec

TRAIN = [
    (f"colour of {thing} {n}", colour) for n in range(6) for thing, colour in (("sky", "blue"), ("grass", "green"))
]
TEST = [
    (f"colour of {thing}, take {n}", colour)
    for n in range(30)
    for thing, colour in (("sky", "blue"), ("grass", "green"))
]


def right(question: str) -> str:
    return "blue" if "sky" in question else "green"


class Place:
    """A run's folders and files."""

    def __init__(self, tmp_path: Path, write: Callable[..., str]) -> None:
        self.run_dir, self.cache_dir = tmp_path / "run-1", tmp_path / "cache"
        self.task = TaskSpec(test=write("test.jsonl", TEST), train=write("train.jsonl", TRAIN), scorer="exact")

    async def run(self, answerers: dict[str, Any], **kwargs: Any) -> RunResult:
        candidates = [parse_candidate(text) for text in answerers]
        kwargs = {"run_dir": self.run_dir, "cache_dir": self.cache_dir, "concurrency": 4, **kwargs}
        return await run(kwargs.pop("task", self.task), candidates, answerers, **kwargs)


@pytest.fixture
def place(tmp_path: Path, write: Callable[..., str]) -> Place:
    return Place(tmp_path, write)


async def test_a_run_measures_everyone_on_the_same_items(place: Place) -> None:
    good, bad = FakeAnswerer(right, cost=0.002), FakeAnswerer(lambda _: "red", identity="fake@2")
    result = await place.run({"local/good": good, "local/bad": bad})
    assert [one.candidate for one in result.candidates] == [
        "local/good", "local/bad", "trivial/majority", "trivial/nearest", "trivial/tfidf",
    ]  # fmt: skip
    best, worst = result.candidate("local/good"), result.candidate("local/bad")
    assert best is not None and worst is not None
    assert (best.score, best.n, best.failed, worst.score) == (1.0, 60, 0, 0.0)
    assert best.prompt_tokens == sum(len(str(m["content"]).split()) for call in good.calls for m in call)
    assert (best.latency_p50_s, best.latency_p95_s) == (0.25, 0.25)
    assert best.cost_per_1k.value == pytest.approx(2.0)
    assert worst.cost_per_1k.origin is Origin.NOT_MEASURED
    pairs = [(one.a, one.b) for one in result.comparisons]
    assert pairs[:2] == [("local/good", "local/bad"), ("local/good", "trivial/majority")]
    assert len(pairs) == 10
    one = result.comparison("local/good", "local/bad")
    assert one is not None and one.verdict == "better" and one.difference == 1.0
    turned = result.comparison("local/bad", "local/good")
    assert turned is not None and turned.verdict == "worse" and turned.ci95 == (-one.ci95[1], -one.ci95[0])
    assert (result.leaked_exact, result.leaked_near) == (0, 0)


async def test_the_json_keys_are_those_of_the_contract(place: Place) -> None:
    result = json.loads((await place.run({"local/good": FakeAnswerer(right)})).model_dump_json())
    assert {"run", "test_sha256", "scorer", "candidates", "comparisons"} <= result.keys()
    assert {
        "candidate", "n", "score", "ci95", "prompt_tokens", "completion_tokens", "latency_p50_s", "latency_p95_s",
        "cost_per_1k", "failed",
    } <= result["candidates"][0].keys()  # fmt: skip
    assert {"a", "b", "difference", "ci95", "p_value", "test", "verdict", "underpowered"} <= result["comparisons"][
        0
    ].keys()
    assert result["run"] == "run-1"
    assert set(result["candidates"][0]["cost_per_1k"]) == {"value", "unit", "origin", "source", "as_of"}


async def test_every_answer_is_on_disk_with_its_prompt(place: Place) -> None:
    await place.run({"local/good+few-shot:2": FakeAnswerer(right)})
    lines = [json.loads(line) for line in (place.run_dir / ITEMS).read_text().splitlines()]
    line = next(one for one in lines if one["candidate"] == "local/good+few-shot:2" and one["index"] == 5)
    assert len(line["messages"]) == 1 + 2 * 2 + 1
    assert (line["output"], line["reference"], line["score"], line["error"], line["cached"]) == (
        "green",
        "green",
        1,
        None,
        False,
    )
    assert {"sha256", "prompt_tokens", "completion_tokens", "latency_s", "cost"} <= line.keys()


async def test_a_failed_call_is_a_failed_item_and_no_zero(place: Place, write: Callable[..., str]) -> None:
    pairs = [(question + (" FAIL" if n % 10 == 0 else ""), answer) for n, (question, answer) in enumerate(TEST)]
    task = place.task.model_copy(update={"test": write("failing.jsonl", pairs)})
    result = await place.run({"local/good": FakeAnswerer(right)}, task=task)
    one = result.candidate("local/good")
    assert one is not None and (one.n, one.failed, one.score) == (54, 6, 1.0)
    against = result.comparison("local/good", "trivial/majority")
    assert against is not None and (against.n, against.left_out) == (54, 6)
    failed = [row for row in read_rows(place.run_dir) if row.error]
    assert len(failed) == 6
    assert all(row.score is None and "the call failed" in (row.error or "") for row in failed)


async def test_a_run_in_which_no_model_answered_is_an_error(place: Place, write: Callable[..., str]) -> None:
    task = place.task.model_copy(update={"test": write("failing.jsonl", [("FAIL", "blue")] * 3)})
    with pytest.raises(WorkbenchError, match="all 3 calls") as caught:
        await place.run({"local/good": FakeAnswerer(right)}, task=task)
    assert caught.value.code == "every_item_failed"


async def test_one_candidate_without_an_answer_does_not_hide_the_others(place: Place) -> None:
    def refuse(_: str) -> str:
        raise OSError("no route to host")

    result = await place.run({"local/good": FakeAnswerer(right), "x/gone": FakeAnswerer(refuse, identity="gone")})
    gone = result.candidate("x/gone")
    assert gone is not None and (gone.n, gone.score, gone.ci95, gone.failed) == (0, None, None, 60)
    one = result.comparison("local/good", "x/gone")
    assert one is not None and one.difference is None and one.verdict == "tied" and one.underpowered


async def test_a_bug_is_not_a_failed_item(place: Place) -> None:
    def broken(_: str) -> str:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await place.run({"local/good": FakeAnswerer(broken)})


async def test_answers_are_reused_and_everything_that_matters_makes_another_key(place: Place, tmp_path: Path) -> None:
    await place.run({"local/good": FakeAnswerer(right)})

    runs: list[Path] = []

    async def calls(identity: str = "fake@1", **changes: Any) -> int:
        fake = FakeAnswerer(right, identity=identity)
        runs.append(tmp_path / f"again-{len(runs)}")
        task = place.task.model_copy(update=changes)
        result = await place.run({"local/good": fake}, task=task, run_dir=runs[-1])
        assert result.candidate("local/good").score == 1.0
        return len(fake.calls)

    assert await calls() == 0
    assert await calls(scorer="normalized") == 0
    assert await calls(identity="fake@2") == 60
    assert await calls(max_tokens=7) == 60
    assert await calls(temperature=0.5) == 60
    assert await calls(seed=3) == 60
    assert await calls(system="Be brief.") == 60


async def test_the_same_rows_give_the_same_figures(place: Place) -> None:
    """Recomputed from what is on disk, with nothing that answers: the same run."""
    result = await place.run({"local/good": FakeAnswerer(right), "local/bad": FakeAnswerer(lambda _: "blue", "b")})
    again = summarise(
        read_rows(place.run_dir),
        [one.candidate for one in result.candidates],
        run=result.run,
        test_sha256=result.test_sha256,
        task=result.task,
        items=result.items,
        items_in_file=result.items_in_file,
        created_at=result.created_at,
        leaked=(0, 0),
    )
    assert again == result


async def test_a_cancelled_run_goes_on_where_it_was(place: Place) -> None:
    first = FakeAnswerer(right)
    first.stop_after = 25
    running = asyncio.create_task(place.run({"local/good": first}))
    await first.stopped.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    kept = sum(row.candidate == "local/good" for row in read_rows(place.run_dir))
    assert 0 < kept <= 25
    second = FakeAnswerer(right)
    result = await place.run({"local/good": second})
    assert len(second.calls) == 60 - len(first.calls)
    assert result.candidate("local/good").n == 60


async def test_failed_items_are_tried_again(place: Place) -> None:
    def refuse(question: str) -> str:
        if "take 3" in question:
            raise OSError("gone")
        return right(question)

    first = await place.run({"local/good": FakeAnswerer(refuse)})
    assert first.candidate("local/good").failed == 2
    second = FakeAnswerer(right)
    result = await place.run({"local/good": second})
    assert (len(second.calls), result.candidate("local/good").failed) == (2, 0)
    assert len(read_rows(place.run_dir)) == 4 * 60


async def test_a_torn_last_line_is_dropped_and_does_not_swallow_the_next(place: Place) -> None:
    await place.run({"local/good": FakeAnswerer(right)})
    path = place.run_dir / ITEMS
    path.write_bytes(path.read_bytes()[:-40])
    assert (await place.run({"local/good": FakeAnswerer(right)})).candidate("local/good").n == 60
    assert len(read_rows(place.run_dir)) == 4 * 60
    for line in path.read_text().splitlines():
        ItemResult.model_validate_json(line)


async def test_a_test_set_that_changed_is_refused(place: Place, write: Callable[..., str]) -> None:
    result = await place.run({"local/good": FakeAnswerer(right)}, limit=5)
    assert (result.items, result.items_in_file) == (5, 60)
    frozen = place.task.model_copy(update={"test_sha256": result.test_sha256})
    await place.run({"local/good": FakeAnswerer(right)}, task=frozen, limit=5)
    write("test.jsonl", TEST[:-1])
    with pytest.raises(TaskError, match="was changed"):
        await place.run({"local/good": FakeAnswerer(right)}, task=frozen)


async def test_answers_to_a_question_that_changed_are_not_kept(place: Place, write: Callable[..., str]) -> None:
    await place.run({"local/good": FakeAnswerer(right)})
    other = [(f"{question} now", answer) for question, answer in TEST]
    fake = FakeAnswerer(right)
    await place.run({"local/good": fake}, task=place.task.model_copy(update={"test": write("test.jsonl", other)}))
    assert len(fake.calls) == 60


async def test_repeats_are_averaged_item_by_item(place: Place) -> None:
    answers = iter(range(10_000))
    fake = FakeAnswerer(lambda question: right(question) if next(answers) < 60 else "red")
    result = await place.run({"local/good": fake}, repeat=2)
    one = result.candidate("local/good")
    assert one is not None and len(fake.calls) == 120 and one.n == 60
    assert one.score == pytest.approx(0.5)
    assert "bootstrap" in (result.comparison("local/good", "trivial/majority").test or "")


async def test_no_more_calls_are_in_flight_than_allowed(place: Place) -> None:
    fake = FakeAnswerer(right)
    await place.run({"local/good": fake, "local/good+few-shot:1": fake}, concurrency=3)
    assert fake.most_in_flight == 3


async def test_progress_counts_up_to_the_end(place: Place) -> None:
    seen: list[Progress] = []
    await place.run({"local/good": FakeAnswerer(right)}, progress=seen.append, limit=10)
    assert [one.done for one in seen] == list(range(1, 41))
    assert {one.total for one in seen} == {40}
    assert seen[-1].eta_s == 0
    seen.clear()
    await place.run({"local/good": FakeAnswerer(right)}, progress=seen.append, limit=10)
    assert seen[-1].reused == 40


async def test_answers_without_a_model_foretell_nothing(place: Place) -> None:
    """Trivial candidates answer at once: how long the calls will take is not known from them."""
    seen: list[Progress] = []
    await place.run({}, progress=seen.append, limit=10)
    assert len(seen) == 30
    assert all(one.eta_s is None for one in seen[:-1])


async def test_groups_of_items_reach_the_comparison(place: Place, write: Callable[..., str]) -> None:
    path = write("grouped.jsonl", TEST, group=lambda n: n // 3)
    result = await place.run({"local/good": FakeAnswerer(right)}, task=place.task.model_copy(update={"test": path}))
    one = result.comparison("local/good", "trivial/majority")
    assert one is not None and "by group" in (one.test or "") and one.units == 20 and one.underpowered


async def test_different_hosts_are_named_beside_the_difference(place: Place) -> None:
    class FakeElsewhere(FakeAnswerer):
        async def __call__(self, *args: Any, **kwargs: Any) -> Any:
            answer = await super().__call__(*args, **kwargs)
            return answer.model_copy(update={"fingerprint": "ftwb:other-host:q8:0123456789ab"})

    result = await place.run({"local/a": FakeAnswerer(right), "local/b": FakeElsewhere(right, identity="b")}, limit=5)
    one = result.comparison("local/a", "local/b")
    assert one is not None
    assert one.differences == ["host: fake-host / other-host", "precision: f32 / q8"]
    turned = result.comparison("local/b", "local/a")
    assert turned is not None and turned.differences[0] == "host: other-host / fake-host"


async def test_what_would_fail_later_fails_before_the_first_call(place: Place) -> None:
    fake = FakeAnswerer(right)
    for text, changes in (
        ("local/good+few-shot:99", {}),
        ("local/good", {"scorer": "json"}),
        ("local/good", {"test": None}),
    ):
        with pytest.raises(WorkbenchError):
            await place.run({"local/good": fake, text: fake}, task=place.task.model_copy(update=changes))
    with pytest.raises(WorkbenchError, match="nothing answers"):
        await run(place.task, [parse_candidate("local/x")], {}, run_dir=place.run_dir, cache_dir=place.cache_dir)
    assert fake.calls == []


async def test_a_full_disk_is_one_sentence(place: Place) -> None:
    place.cache_dir.write_text("a file where the folder should be")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        await place.run({"local/good": FakeAnswerer(right)})


def test_a_killed_run_repeats_no_call_that_was_answered(place: Place, tmp_path: Path) -> None:
    """kill -9 in the middle, twice: the calls of all starts together are one for each item, but for those in flight."""
    script = textwrap.dedent(
        f"""
        import asyncio, os, signal, sys
        from pathlib import Path
        from workbench.evaluate.candidates import parse_candidate
        from workbench.evaluate.ledger import Answer
        from workbench.evaluate.runner import run
        from workbench.evaluate.task import TaskSpec
        class Fake:
            identity = "fake"
            def costs_at_most(self, messages, max_tokens): return 0.0
            async def __call__(self, messages, **kwargs):
                log.write("call\\n"); log.flush()
                await asyncio.sleep(0)
                return Answer(text="blue")
        log = open({str(tmp_path / "calls")!r}, "a")
        def progress(p):
            if p.done - p.reused >= int(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)
        task = TaskSpec(test={place.task.test!r}, scorer="exact")
        asyncio.run(run(task, [parse_candidate("local/a")], {{"local/a": Fake()}}, run_dir=Path({str(place.run_dir)!r}),
            cache_dir=Path({str(place.cache_dir)!r}), concurrency=2, progress=progress))
        """
    )
    codes = [
        subprocess.run(
            [sys.executable, "-c", script, limit], check=False, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
        ).returncode
        for limit in ("20", "15", "1000")
    ]
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert len(read_rows(place.run_dir)) == 60
    assert 60 <= len((tmp_path / "calls").read_text().splitlines()) <= 60 + 2 * 2


async def test_errors_of_the_sdk_are_failed_items_too(place: Place) -> None:
    import httpx2
    import openai

    def refuse(question: str) -> str:
        if "take 3" in question:
            raise openai.APIConnectionError(message="Connection\nrefused", request=httpx2.Request("POST", "http://x"))
        return right(question)

    result = await place.run({"local/good": FakeAnswerer(refuse)})
    assert result.candidate("local/good").failed == 2
    errors = {row.error for row in read_rows(place.run_dir) if row.error}
    assert errors == {"APIConnectionError: Connection refused"}
