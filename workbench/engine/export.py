"""Copies of a tuned model for other programs."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from workbench.engine.jobs import JobFolder
from workbench.engine.parts import Merge
from workbench.engine.registry import Registry
from workbench.errors import WorkbenchError

PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt"})
"""Never exported: loading one can run any code."""
PUBLIC_NAMES = {"starter": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Where others find a base model that has a name of ours."""


class ExportFailed(WorkbenchError):
    """There is no model to copy, or no place to copy it to."""

    code = "export_failed"


async def export(job: JobFolder, registry: Registry, to: Path, *, merge: Merge | None) -> dict[str, Any]:
    """Copy the adapter, or (with `merge`) base and adapter merged, into the new folder `to`: {path, files}.

    Raises a WorkbenchError; the folder then does not exist.
    """
    served = registry.find(job.record.model_id)
    if served.adapter is None:
        raise ExportFailed(job.record.model_id, "has no adapter")
    building = _new_folder(to)
    try:
        if merge is not None:
            await merge(served.base.path, served.adapter, building)
        else:
            await asyncio.to_thread(_copy_adapter, served.adapter, building, served.base.id)
        return _publish(building, to, job.path / "manifest.json")
    except OSError as error:
        why = f"cannot be written ({error.strerror})"
        raise ExportFailed(str(to), why, "free some space or name another folder") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _new_folder(to: Path) -> Path:
    """An empty folder beside `to`. Raises ExportFailed where `to` cannot be a new folder."""
    if not to.is_absolute():
        raise ExportFailed(str(to), "is not an absolute path", "give a whole path")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ExportFailed(str(to), "is there already and not empty", "name a new folder")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=to.parent, prefix=f".{to.name}-"))
    except OSError as error:
        raise ExportFailed(str(to), f"cannot be made ({error.strerror})", "name another folder") from error


def _copy_adapter(adapter: Path, to: Path, base: str) -> None:
    """Everything but pickles; the configuration names the base model as others know it, not a path of this machine."""
    for path in sorted(adapter.iterdir()):
        if not path.is_file() or path.suffix in PICKLES:
            continue
        if path.name == "adapter_config.json":
            configuration = json.loads(path.read_bytes())
            configuration["base_model_name_or_path"] = PUBLIC_NAMES.get(base, base)
            (to / path.name).write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
        else:
            shutil.copyfile(path, to / path.name)


def _publish(building: Path, to: Path, manifest: Path) -> dict[str, Any]:
    shutil.copyfile(manifest, building / "ftwb-manifest.json")
    building.chmod(0o755)
    if to.exists():
        to.rmdir()
    building.rename(to)
    return {"path": str(to), "files": sorted(str(p.relative_to(to)) for p in to.rglob("*") if p.is_file())}
