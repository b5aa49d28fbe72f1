"""The client side of everything that trains or answers."""

from __future__ import annotations

from workbench.providers.chat import Reply, complete, stream_chat
from workbench.providers.client import connect
from workbench.providers.engine_status import EngineStatus
from workbench.providers.errors import ProviderError
from workbench.providers.events import Event, EventLog, FollowUpdate, follow, poll_events
from workbench.providers.files import download, result_rows, upload
from workbench.providers.jobs import (
    TERMINAL,
    Checkpoint,
    Job,
    JobError,
    cancel_job,
    create_job,
    list_checkpoints,
    list_jobs,
    pause_job,
    resume_job,
    retrieve_job,
)
from workbench.providers.local import EngineError, LocalEngine
from workbench.providers.models import Model, delete_model, list_models
from workbench.providers.profiles import Capabilities, Profile, api_key, built_in, missing
from workbench.providers.request import JobRequest
from workbench.providers.series import SeriesFold, fold, position

__all__ = [
    "TERMINAL",
    "Capabilities",
    "Checkpoint",
    "EngineError",
    "EngineStatus",
    "Event",
    "EventLog",
    "FollowUpdate",
    "Job",
    "JobError",
    "JobRequest",
    "LocalEngine",
    "Model",
    "Profile",
    "ProviderError",
    "Reply",
    "SeriesFold",
    "api_key",
    "built_in",
    "cancel_job",
    "complete",
    "connect",
    "create_job",
    "delete_model",
    "download",
    "fold",
    "follow",
    "list_checkpoints",
    "list_jobs",
    "list_models",
    "missing",
    "pause_job",
    "poll_events",
    "position",
    "result_rows",
    "resume_job",
    "retrieve_job",
    "stream_chat",
    "upload",
]
