"""One scenario, six counterparts: each step is there, or the sentence that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.counterparts import Counterpart, FakeAi, engine_on_its_socket, engine_over_tcp, replayed, strict_sdk
from tests.engine.engine_process import EngineProcess, running_engine
from tests.engine.openai_spec import check
from workbench.errors import WorkbenchError
from workbench.providers import arm, chat, files, jobs
from workbench.providers.arm import connect_arm, create_body
from workbench.providers.embeddings import embed, embedding_model
from workbench.providers.errors import ProviderError
from workbench.providers.event_log import EventLog
from workbench.providers.events import FollowUpdate, follow
from workbench.providers.models import list_models
from workbench.providers.probe import probe
from workbench.providers.request import JobRequest
from workbench.providers.sent import SentFiles
from workbench.providers.series import fold
from workbench.providers.uploads import upload

NAMES = ("engine", "engine-tcp", "replayed-openai", "replayed-azure", "strict-sdk", "fakeai")
RECORDS = '{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}\n' * 12
ASKED: list[dict[str, Any]] = [{"role": "user", "content": "Add 2 and 2."}]
NOBODY = "no-such-model-anywhere"

# FakeAI trains for half a minute of real time, whatever it is given.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def fakeai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeAi]:
    """One server for all tests of the module."""
    server = FakeAi(tmp_path_factory.mktemp("fakeai"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    """The real engine with the pretending trainer of its own tests."""
    with running_engine() as process:
        yield process


@pytest.fixture(params=NAMES)
def counterpart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counterpart]:
    """Each of the six in turn."""
    match request.param:
        case "engine":
            yield engine_on_its_socket(request.getfixturevalue("engine"))
        case "engine-tcp":
            yield engine_over_tcp(request.getfixturevalue("engine"))
        case "strict-sdk":
            with strict_sdk() as made:
                yield made
        case "fakeai":
            yield request.getfixturevalue("fakeai").counterpart()
        case _:
            with replayed(request.param.removeprefix("replayed-"), tmp_path / "replay.json") as made:
                yield made


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """A training file."""
    path = tmp_path / "train.jsonl"
    path.write_text(RECORDS)
    return path


def asking(counterpart: Counterpart, train: Path, **settings: Any) -> JobRequest:
    return JobRequest(
        profile=counterpart.profile.name,
        model=counterpart.model,
        training_file=train,
        suffix="mine",
        settings={"n_epochs": 2, **settings},
    )


async def until(counterpart: Counterpart, client: openai.AsyncOpenAI, job_id: str, *wanted: str) -> str:
    """Let time go on until the job is in one of these states."""
    status = ""
    for _ in range(2_000):
        status = (await jobs.retrieve_job(client, counterpart.profile, job_id)).status
        if status in wanted:
            return status
        await counterpart.beat(0.02)
    raise AssertionError(f"{counterpart.name}: {status} instead of {wanted}")


async def followed(
    counterpart: Counterpart, client: openai.AsyncOpenAI, job_id: str, folder: Path
) -> list[FollowUpdate]:
    """Everything that a follower hears of a job, to its end."""
    stream = follow(client, counterpart.profile, job_id, EventLog(folder), interval_s=0.05, sleep=counterpart.beat)
    return [update async for update in stream]


async def test_a_job_is_uploaded_created_followed_and_its_model_answers(
    counterpart: Counterpart, train: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way, in strict SDK mode where the counterpart claims OpenAI's shapes."""
    profile = counterpart.profile
    async with counterpart.client() as client:
        # Upload.
        sent = SentFiles(tmp_path / "sent")
        uploaded = await upload(client, train, profile=profile, sent=sent)
        assert uploaded.id and not uploaded.reused
        again = await upload(client, train, profile=profile, sent=sent)
        assert (again.id, again.reused) == ((uploaded.id, True) if counterpart.finds_files else (again.id, False))
        # Create.
        job = await jobs.create_job(client, profile, asking(counterpart, train))
        assert not job.ended and job.model == counterpart.model and job.settings["n_epochs"] == 2
        assert job.replay == profile.replay
        counterpart.prepare()
        # Follow.
        updates = await followed(counterpart, client, job.id, tmp_path / "log")
        done = updates[-1].job
        assert done.status == "succeeded" and done.fine_tuned_model and done.error is None, done
        _told(counterpart, updates, tmp_path / "log")
        if counterpart.published:
            check("FineTuningJob", done.raw)
        # Checkpoints.
        found = await jobs.list_checkpoints(client, profile, job.id)
        assert len(found) == counterpart.checkpoints and all(one.fine_tuned_model_checkpoint for one in found)
        steps = [one.step_number or 0 for one in found]
        assert steps == sorted(steps, reverse=True), "the newest first"
        # Result file.
        await _results(counterpart, client, done)
        # Chat, whole and streamed.
        answering = done.fine_tuned_model
        if counterpart.deploys:
            answering = await _deployed(counterpart, client, done.fine_tuned_model, monkeypatch)
        reply = await chat.complete(client, answering, ASKED, profile=profile)
        assert reply.text and reply.completion_tokens
        parts = [part async for part in chat.stream_chat(client, answering, ASKED, profile=profile)]
        assert isinstance(parts[-1], chat.Reply)
        assert "".join(part for part in parts if isinstance(part, str)) == parts[-1].text != ""


def _told(counterpart: Counterpart, updates: list[FollowUpdate], folder: Path) -> None:
    """Each event once, and every number in it; or the one sentence, while the status is followed all the same."""
    seen = [event.id for update in updates for event in update.new]
    kept = EventLog(folder).events()
    assert sorted(seen) == sorted({event.id for event in kept})
    if not counterpart.events:
        assert seen == []
        why = "no events from this provider (the answer is not in the shape of OpenAI's API); its status is followed"
        # It is believed after some rounds: once, a gateway's page looks the same.
        assert updates[-1].trouble == why
        assert all("not in the shape of OpenAI's API" in str(update.trouble) for update in updates)
        return
    assert {update.trouble for update in updates} == {None}
    losses = fold(kept)["train_loss"]
    assert losses[-1][0] == counterpart.steps and losses[0][1] > losses[-1][1]


async def _results(counterpart: Counterpart, client: openai.AsyncOpenAI, done: jobs.Job) -> None:
    if not counterpart.results:
        assert done.result_files == []
        with pytest.raises(ProviderError, match="Not Found; it may have been deleted; check the id and the profile"):
            await files.download(client, str(done.training_file), profile=counterpart.profile)
        return
    rows = await files.result_rows(client, done.result_files[0], profile=counterpart.profile)
    assert rows[-1]["step"] == counterpart.steps and rows[0]["train_loss"] > rows[-1]["train_loss"]


async def _deployed(
    counterpart: Counterpart, client: openai.AsyncOpenAI, model: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Azure: first the sentence without a deployment, then made, waited for, listed, and another one deleted."""
    profile = counterpart.profile
    with pytest.raises(ProviderError, match=r"deployment .* does not exist.*`ftwb deployment create MODEL --name N`"):
        await chat.complete(client, model, ASKED, profile=profile)
    with monkeypatch.context() as patch:
        patch.setattr(arm, "POLL_S", 0.0)
        async with connect_arm(profile, counterpart.environ, replay_state=counterpart.state) as manager:
            begun = await manager.create("mine", create_body(model, "global", 10))
            assert begun.status == "Accepted"
            seen = [begun.status]
            while not begun.ended:
                await counterpart.beat(5)
                looked = await manager.deployment("mine")
                assert looked is not None
                begun = looked
                seen.append(begun.status)
            assert list(dict.fromkeys(seen)) == ["Accepted", "Creating", "Succeeded"]
            assert "mine" in {one.name for one in await manager.deployments()}
            await manager.delete("colours")
            assert "colours" not in {one.name for one in await manager.deployments()}
    with pytest.raises(ProviderError, match="it has only just come up"):
        await chat.complete(client.with_options(max_retries=0), "mine", ASKED, profile=profile)
    for _ in range(10):
        await counterpart.beat(1)
    return "mine"


async def test_a_running_job_is_paused_goes_on_and_is_cancelled(counterpart: Counterpart, train: Path) -> None:
    """`pausing` and `paused` are no states of the SDK's: it is not strict here."""
    profile = counterpart.profile
    async with counterpart.client(strict=False) as client:
        job = await jobs.create_job(client, profile, asking(counterpart, train, **counterpart.held))
        await until(counterpart, client, job.id, "running")
        if profile.capabilities.pause:
            assert (await jobs.pause_job(client, profile, job.id)).status in ("pausing", "paused")
            await until(counterpart, client, job.id, "paused")
            assert not (await jobs.resume_job(client, profile, job.id)).ended
            await until(counterpart, client, job.id, "running")
        else:
            with pytest.raises(WorkbenchError, match="cannot pause jobs; cancel it instead"):
                await jobs.pause_job(client, profile, job.id)
            claims = profile.model_copy(update={"settings": {"capabilities": {"pause": True}}})
            with pytest.raises(ProviderError, match=r"pausing .*: Not Found"):
                await jobs.pause_job(client, claims, job.id)
        await jobs.cancel_job(client, profile, job.id)
        await until(counterpart, client, job.id, "cancelled")
        if counterpart.profile.capabilities.ftwb:  # our engine has nothing against being told twice
            assert (await jobs.cancel_job(client, profile, job.id)).status == "cancelled"
            with pytest.raises(ProviderError, match=r"(?i)cancelled"):
                await jobs.resume_job(client, profile, job.id)
            return
        with pytest.raises(ProviderError, match=r"(?i)cancelled"):
            await jobs.cancel_job(client, profile, job.id)


async def test_what_was_created_is_found_again(counterpart: Counterpart, train: Path) -> None:
    """By its run id where metadata is kept; the models and the probe see it too."""
    profile = counterpart.profile
    async with counterpart.client() as client:
        job = await jobs.create_job(client, profile, asking(counterpart, train), run_id=f"run-{counterpart.name}")
        assert job.id in {one.id for one in await jobs.list_jobs(client, profile)}
        found = await jobs.find_jobs(client, profile, "ftwb_run", f"run-{counterpart.name}")
        assert [one.id for one in found] == ([job.id] if counterpart.metadata else [])
        assert counterpart.model in {one.id for one in await list_models(client, profile)}
        tried = {one.call: one for one in (await probe(client, profile)).probes}
        assert {name for name, one in tried.items() if not one.ok} == (set() if counterpart.events else {"events"})
        if not counterpart.events:
            assert tried["events"].detail.startswith(
                "the answer is not in the shape of OpenAI's API; check the profile"
            )
        with pytest.raises(ProviderError) as unknown:
            await jobs.retrieve_job(client, profile, "ftjob-nobody")
        assert unknown.value.status == 404 and "\n" not in str(unknown.value)
        await jobs.cancel_job(client, profile, job.id)


async def test_what_a_counterpart_lacks_is_one_sentence(counterpart: Counterpart) -> None:
    profile = counterpart.profile
    async with counterpart.client() as client:
        # Vectors.
        if counterpart.embeds is None:
            with pytest.raises(WorkbenchError, match="has no embeddings endpoint"):
                embedding_model(profile)
        else:
            vectors = (await embed(client, counterpart.embeds, ["a b", "a b c"], profile=profile)).vectors
            assert len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 1
        # Deployments.
        if not counterpart.deploys:
            with pytest.raises(WorkbenchError, match="has no deployments; they are Azure's"):
                async with connect_arm(profile, counterpart.environ):
                    pass
        # A model that nobody has. FakeAI makes one up instead.
        if counterpart.name == "fakeai":
            assert (await chat.complete(client, NOBODY, ASKED, profile=profile)).text
        else:
            with pytest.raises(ProviderError) as unknown:
                await chat.complete(client, NOBODY, ASKED, profile=profile)
            assert unknown.value.status == 404 and unknown.value.hint


@pytest.mark.parametrize("counterpart", ["engine-tcp", "strict-sdk"], indirect=True)
async def test_a_wrong_key_is_refused_and_never_repeated(counterpart: Counterpart) -> None:
    variable = counterpart.profile.api_key_env or ""
    wrong = Counterpart(
        counterpart.name, counterpart.profile, counterpart.model,
        environ={**counterpart.environ, variable: "sk-wrong-0123456789"},
    )  # fmt: skip
    async with wrong.client() as client:
        with pytest.raises(ProviderError, match=f"check {variable}") as refused:
            await jobs.list_jobs(client, counterpart.profile)
    assert refused.value.code == "unauthorized" and "sk-wrong" not in str(refused.value)
