"""What we ask Azure for about jobs, as commands of its own tool; deployments have theirs in `deployments`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.providers.az_commands import job_command, submit_command
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.providers.request import JobRequest


def acting_by_azd(context: Context, profile: str, action: str, job_id: str) -> list[str]:
    """The command that pauses, resumes or cancels a job of Azure's; empty for anybody else's."""
    return [job_command(action, job_id)] if _is_azure(context, profile) else []


def submitting_by_azd(context: Context, request: JobRequest) -> list[str]:
    """The command that creates the job; empty where it is not Azure's, or asks for what azd has no word for."""
    found = submit_command(request) if _is_azure(context, request.profile) else None
    return [found] if found else []


def _is_azure(context: Context, name: str) -> bool:
    known = context.profiles().get(name)
    return known is not None and known.kind == "azure"
