"""Azure's deployments out of a recording: made, waited for, asked, deleted; and what Azure refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.providers.conftest import MODEL
from workbench.providers import arm, chat, jobs
from workbench.providers.arm import connect_arm, create_body
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.profiles import Profile
from workbench.providers.request import JobRequest
from workbench.testing.replay_clock import ReplayClock

AZURE = Profile(name="demo", kind="azure", replay="azure")
ASKED: list[dict[str, Any]] = [{"role": "user", "content": "Add 2 and 2."}]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """One memory for the resource manager and the resource."""
    return tmp_path / "state.json"


async def test_a_tuned_model_is_deployed_waited_for_and_asked(
    clock: ReplayClock, state: Path, request_for: JobRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        await connect(AZURE, environ={}, replay_state=state) as client,
        connect_arm(AZURE, {}, replay_state=state) as manager,
    ):
        job = await jobs.create_job(client, AZURE, request_for)
        clock.now += 20
        tuned = (await jobs.retrieve_job(client, AZURE, job.id)).fine_tuned_model
        assert tuned is not None
        with pytest.raises(ProviderError, match="does not exist") as caught:
            await chat.complete(client, tuned, ASKED, profile=AZURE)
        assert "ftwb deployment create" in caught.value.hint, "Azure answers by the deployment's name"
        made = await manager.create("mine", create_body(tuned, "developer", 20))
        assert (made.status, made.tier, made.capacity, made.created_at) == ("Accepted", "developer", 20, int(clock.now))

        async def sleep(seconds: float) -> None:
            clock.now += seconds

        monkeypatch.setattr(arm.asyncio, "sleep", sleep)
        seen: list[str] = []
        up = await manager.wait(made, each=lambda one: seen.append(one.status))
        assert (seen, up.status, up.model) == (["Accepted", "Creating", "Creating"], "Succeeded", tuned)
        with pytest.raises(ProviderError, match="try again in a minute") as soon:
            await chat.complete(client.with_options(max_retries=0), "mine", ASKED, profile=AZURE)
        assert soon.value.passing, "whoever measures waits and asks again"
        clock.now += 5
        reply = await chat.complete(client, "mine", ASKED, profile=AZURE)
        assert (reply.text, reply.model) == ("4", tuned)


async def test_a_checkpoint_is_deployed_by_its_id(clock: ReplayClock, state: Path, request_for: JobRequest) -> None:
    async with (
        await connect(AZURE, environ={}, replay_state=state) as client,
        connect_arm(AZURE, {}, replay_state=state) as manager,
    ):
        job = await jobs.create_job(client, AZURE, request_for)
        clock.now += 20
        (newest, _) = await jobs.list_checkpoints(client, AZURE, job.id)
        assert newest.id.startswith("ftchkpt-")
        assert (await manager.create("step", create_body(newest.id, "regional", 1))).model == newest.id


async def test_deployments_are_listed_and_deleted_also_by_another_process(clock: ReplayClock, state: Path) -> None:
    async with connect_arm(AZURE, {}, replay_state=state) as manager:
        assert [one.name for one in await manager.deployments()] == ["base", "colours", "embeddings"]
        await manager.create("new", create_body(MODEL, "global", 10))
        await manager.delete("colours")
        await manager.delete("colours")
    async with connect_arm(AZURE, {}, replay_state=state) as manager:
        assert [one.name for one in await manager.deployments()] == ["base", "embeddings", "new"]
        assert await manager.deployment("colours") is None
        await manager.create("colours", create_body(MODEL, "developer", 10))
        clock.now += 24 * 3600 + 1
        names = [one.name for one in await manager.deployments()]
        assert names == ["base", "embeddings", "new"], "the developer tier ends after a day"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (create_body("nobody", "global", 10), "is not supported; check the model's name"),
        (create_body(MODEL, "global", 999), "bigger than the current available capacity 250; ask for less"),
        (create_body("ministral-3b", "global", 1), "HTTP status 500"),
    ],
)
async def test_what_azure_refuses_is_one_sentence_with_a_way_out(body: dict[str, Any], said: str) -> None:
    async with connect_arm(AZURE, {}) as manager:
        with pytest.raises(ProviderError, match=said):
            await manager.create("mine", body)


async def test_the_manager_wants_its_version_and_knows_one_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connect_arm(AZURE, {}) as manager:
        monkeypatch.setattr(manager, "_base", "https://management.azure.com/subscriptions/x/deployments")
        with pytest.raises(ProviderError, match="was not found"):
            await manager.deployments()
    without = AZURE.model_copy(update={"settings": {"arm": {"api_version": ""}}})
    async with connect_arm(without, {}) as manager:
        assert await manager.deployments(), "sent, though empty"
