"""A quickstart whose job was paused."""

from __future__ import annotations

import asyncio

import pytest

from tests.workflow.test_loop import finish_jobs
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.project import Project
from workbench.workflow.quickstart import Notice, walk
from workbench.workflow.train import job_action


async def test_a_paused_job_goes_on(context: Context, provider: FakeProvider, project: Project) -> None:
    """Waiting for a job that waits for the person would never end."""
    started = asyncio.Event()

    def notify(notice: Notice) -> None:
        if notice.phase == "train" and provider.jobs:
            started.set()

    task = asyncio.create_task(walk(context, project, notify))
    await asyncio.wait_for(started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await job_action(context, provider.jobs[0]["id"], "pause")
    assert provider.jobs[0]["status"] == "paused"

    async def until_it_runs() -> None:
        while provider.jobs[0]["status"] == "paused":  # noqa: ASYNC110 - the fake provider tells nobody
            await asyncio.sleep(0.01)
        await finish_jobs(provider)

    finishing = asyncio.create_task(until_it_runs())
    assert (await asyncio.wait_for(walk(context, project), 60)).job.status == "succeeded"
    finishing.cancel()
    assert len(provider.jobs) == 1
