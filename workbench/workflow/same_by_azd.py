"""What we ask Azure for about jobs, as commands of its own tool; deployments have theirs in `deployments`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.providers.az_commands import creation, job_command, submit_command
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.providers.request import JobRequest


def acting_by_azd(context: Context, profile: str, action: str, job_id: str) -> list[str]:
    """The command that pauses, resumes or cancels a job of Azure's; empty for anybody else's."""
    return [job_command(action, job_id)] if _is_azure(context, profile) else []


def submitting_by_azd(context: Context, request: JobRequest) -> list[str]:
    """The command that creates the job: of azd, else of az for what azd has no word for; empty for anybody else's."""
    if not _is_azure(context, request.profile):
        return []
    return [submit_command(request) or creation(context.profile(request.profile), request, context.environ)]


def _is_azure(context: Context, name: str) -> bool:
    known = context.profiles().get(name)
    return known is not None and known.kind == "azure"
