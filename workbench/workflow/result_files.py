"""The table of a job's numbers that its provider keeps as a file: it is there when events are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.train import show_job, with_job

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.profiles import Profile
    from workbench.workflow.follow import Series


async def result_series(context: Context, job_id: str) -> Series:
    """Its series by name, of all of its result files, plain or in base64. Raises WorkbenchError where it has none."""
    from workbench.providers.files import result_rows

    job = await show_job(context, job_id)
    if not job.result_files:
        hint = f"`ftwb job series {job_id}` has what its events said"
        raise WorkbenchError(f"job {job_id}", "has no result file", hint, code="no_results")

    async def read(client: AsyncOpenAI, profile: Profile, _: str) -> list[dict[str, float]]:
        return [row for file in job.result_files for row in await result_rows(client, file, profile=profile)]

    found: dict[str, dict[int, float]] = {}
    for row in await with_job(context, job_id, read):
        step = row.pop("step", None)
        if step is not None:
            for name, value in row.items():
                found.setdefault(name, {})[int(step)] = value
    if not found:
        raise WorkbenchError(
            f"job {job_id}", "its result file is no table of numbers by step", "see it with `ftwb rescue`"
        )
    return {name: sorted(points.items()) for name, points in found.items()}
