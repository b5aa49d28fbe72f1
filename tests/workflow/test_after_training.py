"""What is measured by itself when a training has succeeded: once, whoever is there, and without paying twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL, asked_number, records
from workbench.catalog.figure import Figure
from workbench.errors import WorkbenchError
from workbench.evaluate.results import RunResult
from workbench.evaluate.task import load_items
from workbench.providers.jobs import Job
from workbench.providers.lease import Lease
from workbench.providers.request import JobRequest
from workbench.resources import samples_dir
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow import after_training, wish
from workbench.workflow.after_quote import agreed_ceiling, others, quote_after
from workbench.workflow.after_training import Watched, see_through, take_up
from workbench.workflow.context import Context
from workbench.workflow.guide import next_step
from workbench.workflow.judge import judge
from workbench.workflow.measure import RunQuote, measure
from workbench.workflow.project import Project, open_project, update_project
from workbench.workflow.runs import list_runs, openings
from workbench.workflow.train import create_job, job_action, show_job
from workbench.workflow.wish import Wish, as_it_is, ask, change, drop, in_words, lease_of, pending, wish_of

ITEMS = 60
BASE = f"openai/{MODEL}"
QUESTIONS = {item.question for item in load_items(samples_dir() / "regression" / "items.jsonl")}


async def job_with(context: Context, project: Project, **asked: object) -> tuple[Job, Wish]:
    """A job and what is to follow it; the job has not ended."""
    request = JobRequest(profile="openai", model=MODEL, training_file=project.files["train"])
    kept = Wish(project=project.slug, **{"limit": ITEMS, "max_cost": 10.0, **asked})  # type: ignore[arg-type]
    job = await create_job(context, request, project=project.slug, also=lambda job: ask(context, job, kept))
    found = wish_of(context, "openai", job.id)
    assert found is not None
    return job, found


@pytest.fixture(autouse=True)
def plain_answers(provider: FakeProvider) -> None:
    """The questions of general ability have no number in them."""
    own = provider.replies
    assert callable(own)
    provider.replies = lambda body: "red" if body["messages"][-1]["content"] in QUESTIONS else own(body)


def chats(provider: FakeProvider, *, of: str = "", general: bool | None = None) -> list[dict]:
    """The calls of the chat, of one model, of the task or of general ability."""
    sent = [one.json for one in provider.requests if one.path.endswith("/chat/completions")]
    return [
        one for one in sent if of in one["model"] and general in (None, one["messages"][-1]["content"] in QUESTIONS)
    ]


def checkpoints_answer(provider: FakeProvider, job: Job, right: str) -> None:
    """The checkpoints of a job answer; those whose name holds `right` know the colours."""
    for one in provider._work.checkpoints[job.id]:
        provider.add_model(one["fine_tuned_model_checkpoint"])
    own = provider.replies
    assert callable(own)
    provider.replies = lambda body: (
        own(body | {"model": "ft:" if right in body["model"] else MODEL})
        if body["messages"][-1]["content"] not in QUESTIONS
        else "red"
    )


async def test_nothing_happens_before_the_training_has_ended(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """It stays asked, and nobody is called."""
    job, asked = await job_with(context, project)
    assert (asked.state, asked.job, pending(context)) == ("asked", job.id, [asked])
    again = await take_up(context, asked)
    assert again.state == "asked" and not chats(provider)
    assert in_words(again) == "asked: measured when the training has succeeded"


async def test_the_task_general_ability_and_the_verdict_follow_a_training(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """One opening, one run of the task beside the untuned ones, the questions for base and tuned model, and the
    verdict enters its after-training stage."""
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    told: list[tuple[str, str]] = []
    done = await take_up(context, asked, Watched(moved=lambda now: told.append((now.state, now.part))))
    tuned = f"openai/{(await show_job(context, job.id)).fine_tuned_model}"
    assert (done.state, done.chosen, done.verdict) == ("done", tuned, "fine-tune")
    assert told == [
        ("running", ""), ("running", "the test set"), ("running", "general ability"), ("done", ""),
    ]  # fmt: skip
    (run,) = list_runs(context, project, "test")
    assert (run.run, run.items, run.opened) == (done.run, ITEMS, 1) and openings(context, run.test_sha256) == 1
    assert {BASE, f"{BASE}+few-shot:2", tuned} <= {row.candidate for row in run.candidates}
    (general,) = list_runs(context, project, "regression")
    assert general.run == run.regression == done.regression_run
    assert {row.candidate for row in general.candidates} == {BASE, tuned}
    (verdict,) = open_project(context, project.slug).document.verdicts
    assert (verdict.stage, verdict.verdict, verdict.run) == ("after-training", "fine-tune", run.run)
    assert judge(context, project).stage == "after-training"
    assert not pending(context)
    called = len(chats(provider))
    assert (await take_up(context, asked)).state == "done" and len(chats(provider)) == called, "once"


async def test_checkpoints_are_chosen_on_the_validation_side_and_one_goes_to_the_test_set(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """The test set sees the best alone; of equals the model itself is taken."""
    job, asked = await job_with(context, project, checkpoints=True)
    provider.finish(job.id)
    checkpoints_answer(provider, job, "ckpt-step-2")
    done = await see_through(context, asked)
    assert done.state == "done", in_words(done)
    (chosen_by,) = list_runs(context, project, "validation")
    assert (chosen_by.run, chosen_by.items, len(chosen_by.candidates)) == (done.validation_run, 10, 7)
    assert done.chosen is not None and done.chosen.endswith(":ckpt-step-2")
    (run,) = list_runs(context, project, "test")
    assert [row.candidate for row in run.candidates if "ft:" in row.candidate] == [done.chosen]
    assert "chosen" not in in_words(done) and done.chosen in in_words(done)


async def test_of_equal_checkpoints_the_model_itself_is_taken(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job, asked = await job_with(context, project, checkpoints=True)
    provider.finish(job.id)
    checkpoints_answer(provider, job, "ft:")
    done = await take_up(context, asked)
    assert done.state == "done" and done.chosen == f"openai/{(await show_job(context, job.id)).fine_tuned_model}"


async def test_the_tuned_model_before_is_in_the_comparison(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """Old against new, whether the old one was measured or not; what was answered is not asked again."""
    old, first = await job_with(context, project)
    provider.finish(old.id)
    await take_up(context, first)
    before = len(chats(provider))
    new, second = await job_with(context, project)
    provider.finish(new.id)
    done = await take_up(context, second)
    names = [f"openai/{(await show_job(context, one.id)).fine_tuned_model}" for one in (old, new)]
    run = list_runs(context, project, "test")[0]
    assert run.run == done.run and run.comparison(*names) is not None
    assert len(chats(provider)) - before == ITEMS + 64, "the new model's answers alone"
    assert run.opened == 2


async def test_an_old_model_that_was_not_measured_is_found_and_one_that_is_gone_is_left_out(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    request = JobRequest(profile="openai", model=MODEL, training_file=project.files["train"])
    old = await create_job(context, request, project=project.slug)
    provider.finish(old.id)
    name = f"openai/{(await show_job(context, old.id)).fine_tuned_model}"
    assert others(context, project, BASE).candidates[-1] == name
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    del provider._models[name.removeprefix("openai/")]
    done = await take_up(context, asked)
    assert done.state == "done" and done.notes == [f"{name} is gone and was left out"]
    assert name not in {row.candidate for row in list_runs(context, project, "test")[0].candidates}
    assert "is gone and was left out" in in_words(done)


async def test_candidates_of_the_newest_run_of_this_task_come_along_unless_their_profile_is_gone(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """A run of another task says nothing; whoever cannot be asked any more is left out, and that is said."""
    await measure(context, project, [f"{BASE}+few-shot:3"], limit=4)
    other = project.task.model_copy(update={"max_tokens": 9})
    await measure(context, project, [f"{BASE}+few-shot:4"], task=other, limit=4)
    found = others(context, project, BASE)
    assert f"{BASE}+few-shot:3" in found.candidates and f"{BASE}+few-shot:4" not in found.candidates
    (run,) = (one for one in list_runs(context, project, "test") if one.task.max_tokens == 8)
    renamed = [row.model_copy(update={"candidate": f"gone/{MODEL}"}) for row in run.candidates]
    document = f"projects/{project.slug}/runs/{run.run}/run.toml"
    context.store.update(document, RunResult, lambda _: run.model_copy(update={"candidates": renamed[:1]}))
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    done = await take_up(context, asked)
    assert done.state == "done" and done.notes == [f"gone/{MODEL} left out: not configured any more"]


async def test_another_wish_or_another_task_is_measured_anew(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """A finished run of an earlier start counts only where it is of the same task and the same choices."""
    job, asked = await job_with(context, project, max_cost=0.002)
    provider.finish(job.id)
    stopped = await take_up(context, asked)
    assert stopped.state == "could-not" and stopped.part == ""
    fewer = ask(context, job, Wish(project=project.slug, limit=ITEMS - 10, max_cost=1.0))
    assert fewer.run is None and stopped.run is not None
    change(context, fewer, run=stopped.run)
    update_project(context, project, task={**project.task.model_dump(exclude_none=True), "max_tokens": 9})
    done = await take_up(context, fewer)
    (run,) = list_runs(context, project, "test")
    assert done.state == "done" and (run.run, run.task.max_tokens, run.items) == (stopped.run, 9, ITEMS - 10)


@pytest.mark.parametrize(("end", "said"), [("failed", "the training failed (it broke)"), ("cancelled", "cancelled")])
async def test_a_training_that_ends_badly_drops_it_with_a_note(
    context: Context, provider: FakeProvider, project: Project, end: str, said: str
) -> None:
    job, asked = await job_with(context, project)
    if end == "failed":
        provider.end_with("failed", job.id, error={"message": "it broke", "code": "broke"})
    else:
        await job_action(context, job.id, "cancel")
    dropped = await take_up(context, asked)
    assert dropped.state == "dropped" and said in dropped.why and not dropped.is_pending
    assert in_words(dropped).startswith("dropped: the training") and not chats(provider)


async def test_what_is_wrong_is_said_and_what_may_pass_is_tried_again(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    await show_job(context, job.id)
    provider.fail("/models", method="GET", status=503, times=20)
    waits = await take_up(context, asked)
    assert waits.state == "asked" and waits.why.startswith("tried again later: openai: listing models")
    provider._faults.clear()
    test = Path(project.task.test or "")
    away = await asyncio.to_thread(test.rename, test.with_suffix(".away"))
    failed = await take_up(context, asked)
    assert failed.state == "could-not" and failed.why and failed.ended_at
    assert in_words(failed).startswith(f"could not: {test}")
    assert await take_up(context, asked) == failed, "not tried again unasked"
    await asyncio.to_thread(away.rename, test)
    ask(context, job, Wish(project=project.slug, limit=ITEMS, max_cost=10.0))
    done = await take_up(context, asked)
    assert (done.state, done.why, done.hint) == ("done", "", "")


async def test_an_unforeseen_failure_is_not_repeated_at_every_look(
    context: Context, provider: FakeProvider, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, asked = await job_with(context, project)
    provider.finish(job.id)

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(after_training, "measure", broken)
    with pytest.raises(ZeroDivisionError):
        await take_up(context, asked)
    assert "ZeroDivisionError" in in_words(await take_up(context, asked))


async def test_two_who_come_at_once_do_it_once(context: Context, provider: FakeProvider, project: Project) -> None:
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    other = Context(home=context.home, cache=context.cache, environ=context.environ)
    seen = await asyncio.gather(*(take_up(one, asked) for one in (context, other)))
    assert sorted(one.state for one in seen) in (["asked", "done"], ["done", "running"])
    assert len(list_runs(context, project, "test")) == 1
    assert Counter(asked_number(one) for one in chats(provider, of="ft:", general=False)).most_common(1)[0][1] == 1


async def stopped_midway(context: Context, asked: Wish) -> None:
    """Take it up, and stop when it has some answers."""
    reached = asyncio.Event()
    first = asyncio.create_task(
        take_up(context, asked, Watched(progress=lambda now: reached.set() if now.done > 4 * ITEMS else None))
    )
    await asyncio.wait_for(reached.wait(), 60)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_who_is_stopped_leaves_it_asked_and_the_next_one_goes_on(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    await stopped_midway(context, asked)
    left = wish_of(context, "openai", job.id)
    assert left is not None and (left.state, left.why) == ("asked", wish.INTERRUPTED)
    done = await take_up(context, left)
    assert done.state == "done" and done.run == left.run
    asked_for = Counter(
        (one["model"], asked_number(one), len(one["messages"])) for one in chats(provider, general=False)
    )
    assert asked_for.total() <= 3 * ITEMS + 8, "only what was in the air is asked again"


async def test_a_wish_whose_process_is_gone_is_not_called_running(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    _, asked = await job_with(context, project)
    running = change(context, asked, state="running", part="the test set")
    assert as_it_is(context, running).state == "asked"
    lease = lease_of(context, running)
    assert lease.take()
    assert as_it_is(context, running) == running
    assert in_words(running) == "running: measuring the test set"
    assert next_step(context, project) == "The model is trained, and is being measured by itself: see how far with 4"
    lease.release()


async def test_whoever_loses_its_lease_lets_the_other_one_go_on(
    context: Context, provider: FakeProvider, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without locks a process that slept too long finds another one at it."""

    def no_locks(_: int) -> None:
        raise OSError("no locks here")

    job, asked = await job_with(context, project)
    provider.finish(job.id)
    ours = Lease(wish.wish_folder(context, "openai", job.id), kernel=no_locks)
    monkeypatch.setattr(after_training, "lease_of", lambda *_: ours)
    monkeypatch.setattr(after_training, "RENEWED_S", 0.01)

    async def slow(*_: object, **__: object) -> None:
        ours._soft.write_text("another one's")
        await asyncio.Event().wait()

    monkeypatch.setattr(after_training, "measure", slow)
    left = await asyncio.wait_for(take_up(context, asked), 30)
    assert (left.state, left.part) == ("running", "the test set"), "the other one's to change"


async def test_a_ceiling_holds_over_all_starts_and_runs(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """What a killed start has paid for counts; a higher ceiling goes on where it was."""
    job, asked = await job_with(context, project, max_cost=0.0006)
    provider.finish(job.id)
    stopped = await take_up(context, asked)
    assert stopped.state == "could-not" and "stopped at the ceiling" in stopped.why
    paid = len(chats(provider))
    assert 0 < paid < 3 * ITEMS
    again = await take_up(context, ask(context, job, Wish(project=project.slug, limit=ITEMS, max_cost=0.0006)))
    assert again.state == "could-not" and len(chats(provider)) <= paid + 2, "nothing is left of it"
    done = await take_up(context, ask(context, job, Wish(project=project.slug, limit=ITEMS, max_cost=1.0)))
    assert done.state == "done" and done.run == stopped.run


async def test_a_hosted_model_is_known_by_the_day_of_the_first_start(
    context: Context, provider: FakeProvider, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on after midnight pays for nothing twice."""
    job, asked = await job_with(context, project)
    provider.finish(job.id)
    await stopped_midway(context, asked)
    left = wish_of(context, "openai", job.id)
    assert left is not None and left.day == date.today().isoformat()
    paid = len(chats(provider))

    class Tomorrow(date):
        @classmethod
        def today(cls) -> date:
            return date.fromordinal(date.today().toordinal() + 1)

    monkeypatch.setattr("workbench.workflow.answering.date", Tomorrow)
    done = await take_up(context, left)
    assert done.state == "done" and done.day == left.day
    assert len(chats(provider)) <= 3 * ITEMS + 2 * 64 + 8 and paid > 20


async def test_the_price_is_told_before_there_is_a_model(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """Task, validation side and questions; what was answered already costs nothing."""
    plain = await quote_after(context, project, Wish(limit=ITEMS), profile="openai", model=MODEL)
    assert plain.needs_yes and plain.calls == 3 * ITEMS + 2 * 64 and plain.cost.value
    more = await quote_after(context, project, Wish(limit=ITEMS, checkpoints=True), profile="openai", model=MODEL)
    assert more.calls == plain.calls + 4 * 10 and (more.cost.value or 0) > plain.cost.value
    await measure(context, project, project.document.candidates, limit=ITEMS)
    less = await quote_after(context, project, Wish(limit=ITEMS), profile="openai", model=MODEL)
    assert less.calls == plain.calls - 2 * ITEMS
    assert agreed_ceiling(less, None) == less.cost.value and agreed_ceiling(less, 0.5) == 0.5
    unpriced = RunQuote(1, Figure.not_measured("USD", "no price is known for a/b"), True)
    with pytest.raises(WorkbenchError, match="no ceiling of the cost can be kept"):
        agreed_ceiling(unpriced, 5.0)
    local = RunQuote(0, Figure.not_measured("USD", "your own machine"), False)
    assert agreed_ceiling(local, None) is None


async def test_what_cannot_be_measured_is_refused_before_the_job(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """A model that must be deployed, checkpoints without a validation side, a task without a test set, a file that is
    not there."""
    asked = Wish(project=project.slug)
    with pytest.raises(WorkbenchError, match="answers only when it is deployed"):
        await quote_after(context, project, asked, profile="azure", model=MODEL)
    with pytest.raises(WorkbenchError, match=r"none\.jsonl"):
        questions = asked.model_copy(update={"questions": "none.jsonl"})
        await quote_after(context, project, questions, profile="openai", model=MODEL)
    bare = update_project(
        context,
        project,
        task={"test": project.task.test, "scorer": "exact", "validation": None, "train": str(project.files["train"])},
    )
    with pytest.raises(WorkbenchError, match="has no validation side"):
        checkpoints = asked.model_copy(update={"checkpoints": True})
        await quote_after(context, bare, checkpoints, profile="openai", model=MODEL)
    empty = update_project(context, project, task={"test": None})
    with pytest.raises(WorkbenchError, match="has no test set"):
        await quote_after(context, empty, asked, profile="openai", model=MODEL)


async def test_own_questions_take_the_place_of_the_bundled_ones(
    context: Context, provider: FakeProvider, project: Project, tmp_path: Path
) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text(records(5000, 6))
    job, asked = await job_with(context, project, questions=str(own))
    provider.finish(job.id)
    done = await take_up(context, asked)
    (general,) = list_runs(context, project, "regression")
    assert done.state == "done" and (general.items, general.scorer, general.task.test) == (6, "contains", str(own))


async def test_what_was_taken_back_is_not_done(context: Context, provider: FakeProvider, project: Project) -> None:
    job, asked = await job_with(context, project)
    drop(context, asked, "taken back")
    provider.finish(job.id)
    assert in_words(await take_up(context, asked)) == "dropped: taken back" and not chats(provider)


# kill -9 -------------------------------------------------------------------------------------------------------------


def start(home: Path, job: str, provider: FakeProvider) -> subprocess.Popen[bytes]:
    """The command that does what was asked, in a process of its own."""
    program = (
        "import asyncio, sys; from workbench.workflow.context import open_context;"
        "from workbench.workflow.wish import wish_of; from workbench.workflow.after_training import see_through;"
        "c = open_context(); print(asyncio.run(see_through(c, wish_of(c, 'openai', sys.argv[1]))).model_dump_json())"
    )
    environ = {**os.environ, **provider.environ, "FTWB_HOME": str(home), "FTWB_CACHE": str(home.parent / "cache"),
               "PYTHONPATH": str(Path.cwd())}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", program, job], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def rows_on_disk(home: Path) -> set[tuple[str, str]]:
    """(candidate, key) of every answer that had reached a ledger."""
    found = set()
    for path in (home / "projects").glob("*/runs/*/items.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            row = json.loads(line)
            if not row["candidate"].startswith("trivial/"):
                found.add((row["candidate"].removeprefix("openai/").partition("+")[0], json.dumps(row["messages"])))
    return found


def named(calls: list[dict]) -> set[tuple[str, str]]:
    """Calls as `rows_on_disk` names answers."""
    return {(one["model"], json.dumps(one["messages"])) for one in calls}


@pytest.mark.timeout(300)
def test_killed_between_asked_and_done_it_goes_on_and_pays_for_nothing_twice(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """kill -9 on the validation side, on the test set and among the questions of general ability."""
    job, _ = asyncio.run(job_with(context, project, checkpoints=True))
    provider.finish(job.id)
    checkpoints_answer(provider, job, "ft:")
    kept: set[tuple[str, str]] = set()
    for stop_at in (15, 90, 200):
        before = len(chats(provider))
        process = start(context.home, job.id, provider)
        while len(chats(provider)) < stop_at and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL, process.communicate()[1].decode()
        process.communicate()
        left = wish_of(context, "openai", job.id)
        assert left is not None and left.state == "running" and as_it_is(context, left).state == "asked"
        assert not kept & named(chats(provider)[before:]), "an answer on disk was paid for again"
        kept = rows_on_disk(context.home)
    before = len(chats(provider))
    last = start(context.home, job.id, provider)
    out, err = last.communicate(timeout=200)
    assert last.returncode == 0, err.decode()
    assert json.loads(out)["state"] == "done"
    assert len(kept) > 60 and not kept & named(chats(provider)[before:])
    sides = Counter(run.side for run in list_runs(context, project))
    assert sides == {"validation": 1, "test": 1, "regression": 1}
    (run,) = list_runs(context, project, "test")
    assert run.opened == 1 and openings(context, run.test_sha256) == 1
