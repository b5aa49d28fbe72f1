"""Files and jobs for tests, over plain HTTP and by the SDK."""

from __future__ import annotations

from typing import Any

from tests.engine.engine_process import EngineProcess

RECORDS = b'{"messages": []}\n' * 12


def upload(engine: EngineProcess, content: bytes = RECORDS, name: str = "train.jsonl") -> str:
    """The id of an uploaded file."""
    return str(engine.sdk().files.create(file=(name, content), purpose="fine-tune").id)


def create(engine: EngineProcess, *, settings: dict[str, Any] | None = None, **more: Any) -> Any:
    """A new job of the SDK's type; `settings` are the pretending trainer's."""
    extra = {"ftwb": {"settings": settings or {}}}
    arguments = {"model": "starter", "training_file": upload(engine), "extra_body": extra, **more}
    return engine.sdk().fine_tuning.jobs.create(**arguments)
