"""What works on this machine, and what to do about the rest. Looks only: it starts nothing and spends nothing."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel

from workbench.errors import WorkbenchError
from workbench.providers.profiles import missing
from workbench.workflow.context import Context

LOCAL_STACK = ("torch", "transformers", "trl", "peft", "accelerate", "starlette", "uvicorn", "xllamacpp")
DISK_FOR_STARTER = 1_500_000_000
"""Bytes: wheel 93 MB, weights, tokenizer, two GGUF files and room to convert."""
MEMORY_FOR_STARTER = 3_500_000_000
"""Bytes: a LoRA run of the starter peaks at 2.8 GB resident with batches of four short records."""


_RESUMES = "jobs resume from their last checkpoint when the engine starts again"


class Check(BaseModel):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    fix: str | None = None
    """What to do; None where nothing is to be done."""


def doctor(context: Context) -> list[Check]:
    """Every check, in the order a person would want to fix them."""
    configuration = _configuration(context)
    return [
        _workspace(context),
        configuration,
        _disk(context),
        _memory(),
        *_local_stack(),
        *([_engine(context)] if configuration.ok else []),
        *_danger(context.environ),
        *(_profiles(context) if configuration.ok else []),
    ]


@dataclass(frozen=True)
class Danger:
    """Something that would end a training that should outlive this terminal."""

    what: str
    way_out: str
    mendable: bool
    """Whether the person can do away with it here."""

    def __str__(self) -> str:
        return f"{self.what}; {self.way_out}"


def dangers_to_detached_jobs(environ: Mapping[str, str]) -> Iterator[Danger]:
    """What would end a job that runs on after log-out. A job that dies so resumes from its last checkpoint."""
    job = environ.get("SLURM_JOB_ID")
    if job:
        end = _slurm_end(job)
        until = f" at {end}" if end else ""
        yield Danger(f"inside Slurm allocation {job}: the engine and its jobs end with it{until}", _RESUMES, False)
    if _in_container():
        yield Danger("inside a container: stopping it ends running jobs", _RESUMES, False)
    if _logind_kills(environ):
        yield Danger(
            "logind ends this user's processes at log-out",
            "run `loginctl enable-linger` once to keep jobs running",
            True,
        )


def _workspace(context: Context) -> Check:
    probe = context.home
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    writable = os.access(probe, os.W_OK) and probe.is_dir()
    return Check(
        name="workspace",
        ok=writable,
        detail=str(context.home) + ("" if writable else f" cannot be written (at {probe})"),
        fix=None if writable else "choose another place with --workspace DIR or FTWB_HOME",
    )


def _configuration(context: Context) -> Check:
    """Whether `config.toml` can be read: engine and profiles are looked up in it."""
    try:
        found = len(context.config.profiles)
    except WorkbenchError as error:
        return Check(name="configuration", ok=False, detail=error.message, fix=error.hint)
    detail = f"config.toml, {found} profiles of your own" if found else "as it comes"
    return Check(name="configuration", ok=True, detail=detail)


def _disk(context: Context) -> Check:
    place = context.cache
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    ok = free >= DISK_FOR_STARTER
    return Check(
        name="disk",
        ok=ok,
        detail=f"{free / 1e9:.1f} GB free for models in {context.cache}",
        fix=None if ok else f"free {(DISK_FOR_STARTER - free) / 1e9:.1f} GB more, or set FTWB_CACHE to a larger disk",
    )


def _memory() -> Check:
    free = psutil.virtual_memory().available
    ok = free >= MEMORY_FOR_STARTER
    return Check(
        name="memory",
        ok=ok,
        detail=f"{free / 1e9:.1f} GB available; tuning the starter takes about {MEMORY_FOR_STARTER / 1e9:.1f} GB",
        fix=None if ok else "close other programs, or train with a smaller per_device_train_batch_size",
    )


def _local_stack() -> Iterator[Check]:
    lacking = []
    found = []
    for package in LOCAL_STACK:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            lacking.append(package)
    yield Check(
        name="local training",
        ok=not lacking,
        detail=", ".join(found) if not lacking else f"missing: {', '.join(lacking)}",
        fix="pip install 'ftwb[local]'" if lacking else None,
    )


def _engine(context: Context) -> Check:
    status = context.engine.status()
    other = status.status == "other-host"
    return Check(
        name="engine",
        ok=not other,
        detail=f"{status.status}" + (f" on {status.host}" if status.host else ""),
        fix="stop it there (`ftwb engine stop`), or use another --workspace here" if other else None,
    )


def _danger(environ: Mapping[str, str]) -> Iterator[Check]:
    found = list(dangers_to_detached_jobs(environ))
    if not found:
        yield Check(name="jobs outlive the terminal", ok=True, detail="nothing here ends them at log-out")
    for danger in found:
        yield Check(name="jobs outlive the terminal", ok=not danger.mendable, detail=danger.what, fix=danger.way_out)


def _profiles(context: Context) -> Iterator[Check]:
    """A hosted profile that nobody configured is no problem; it is said, not failed."""
    for name, profile in context.profiles().items():
        if profile.kind == "local":
            continue
        lacking = missing(profile, context.environ)
        yield Check(
            name=f"profile {name}",
            ok=True,
            detail="configured" if lacking is None else f"not configured: {lacking}",
            fix=None,
        )


def _slurm_end(job: str) -> str | None:
    """The end of an allocation as Slurm prints it; None where `squeue` cannot tell."""
    if shutil.which("squeue") is None:
        return None
    try:
        asked = subprocess.run(
            ["squeue", "-h", "-j", job, "-o", "%e"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _logind_kills(environ: Mapping[str, str]) -> bool:
    """Whether logind is set to end a user's processes at log-out and this user does not linger."""
    if not environ.get("XDG_SESSION_ID") or shutil.which("loginctl") is None:
        return False
    user = environ.get("USER")
    if user and Path("/var/lib/systemd/linger", user).exists():
        return False
    settings = [Path("/etc/systemd/logind.conf"), *sorted(Path("/etc/systemd/logind.conf.d").glob("*.conf"))]
    kills = False
    for file in settings:
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue  # not there, or not ours to read
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip() == "KillUserProcesses":
                kills = value.strip().lower() in {"yes", "true", "1", "on"}
    return kills
