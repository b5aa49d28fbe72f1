"""Models of the Hugging Face hub: only weights without code, fetched into the cache."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.engine.models.errors import ModelMissing, ModelRefused, PullFailed
from workbench.engine.models.folder import read_folder
from workbench.engine.models.progress import PullProgress, Report

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
PATTERNS = ["*.safetensors", "*.json", "*.model", "*.jinja"]


def hub_path(cache: Path, name: str) -> Path:
    """Where the hub's model `org/name` is, or will be."""
    return cache / "models" / "hub" / name.replace("/", "--")


def install(name: str, cache: Path, report: Report, free_bytes: Callable[[Path], int]) -> Path:
    """Fetch the model unless it is there; its folder appears complete, a broken download goes on where it ended.

    Raises ModelMissing, ModelRefused (no safetensors), PullFailed (no network, no space, no permission).
    """
    target = hub_path(cache, name)
    if target.exists():
        return target
    os.environ.pop("HF_HUB_OFFLINE", None)
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    # its bases are OSError and the error of the HTTP library that this version stands on (httpx, later httpx2)
    unreachable: tuple[type[Exception], ...] = (HfHubHTTPError, *HfHubHTTPError.__bases__)
    arriving = target.with_name(f".arriving-{target.name}")
    arriving.mkdir(parents=True, exist_ok=True)
    token = os.environ.get("HF_TOKEN")
    try:
        info = HfApi(token=token).model_info(name, files_metadata=True)
        total = _wanted_bytes(name, info.siblings or [])
        if free_bytes(target.parent) < total:
            raise not_enough_space(name, total, free_bytes(target.parent), target.parent)
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(arriving, total, report, done.wait), daemon=True)
        watcher.start()
        try:
            snapshot_download(
                name,
                revision=info.sha,
                local_dir=arriving,
                allow_patterns=PATTERNS,
                ignore_patterns=["*/*"],
                token=token,
            )
        finally:
            done.set()
            watcher.join()
    except GatedRepoError as error:
        raise PullFailed(
            name, "its owner asks for an agreement first", "accept it on the hub and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelMissing(
            name, "the hub has no such model, or it is private", "check the name; set HF_TOKEN"
        ) from error
    except unreachable as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PullFailed(
            name, f"the hub cannot be reached ({reason})", "check the network, or give a local folder"
        ) from error
    shutil.rmtree(arriving / ".cache", ignore_errors=True)
    read_folder(arriving, name)
    arriving.rename(target)
    return target


def not_enough_space(name: str, needed: int, free: int, folder: Path) -> PullFailed:
    """The error for a disk that is too small."""
    return PullFailed(
        name,
        f"needs {needed / 1e6:,.0f} MB of disk, and {folder} has {free / 1e6:,.0f} MB free",
        "free some space, or set FTWB_CACHE to a folder on a larger disk",
        code="disk_full",
    )


def _wanted_bytes(name: str, siblings: list[Any]) -> int:
    """The size of what will be fetched. Raises ModelRefused where the weights are pickles only."""
    names = {item.rfilename for item in siblings if "/" not in item.rfilename}
    if not any(file.endswith(".safetensors") for file in names):
        pickles = sorted(file for file in names if file.endswith((".bin", ".pt", ".pth", ".ckpt")))
        what = f"{name}/{pickles[0]}" if pickles else name
        why = "is a pickle, which can run any code when it is loaded" if pickles else "has no safetensors weights"
        raise ModelRefused(what, why, "choose a model with safetensors weights")
    endings = tuple(pattern.removeprefix("*") for pattern in PATTERNS)
    return sum(int(item.size or 0) for item in siblings if item.rfilename in names and item.rfilename.endswith(endings))


def _watch(folder: Path, total: int, report: Report, wait: Callable[[float], bool]) -> None:
    """Report how much has arrived, twice a second, until `wait` says that it is over."""
    over = False
    while not over:
        over = wait(0.5)
        report(PullProgress("download", min(_arrived(folder), total), total, "bytes"))


def _arrived(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # renamed between listing and looking
            continue
    return total
