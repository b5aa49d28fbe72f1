"""Heavy work in a child process that speaks JSON lines on its standard output.

The engine's own process never imports torch: it starts `python -m workbench.engine.models.…` and relays what that says.
A line is a progress report, `{"result": …}`, or `{"error": {what, why, hint, code}}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from workbench.engine.models.errors import PullFailed
from workbench.engine.models.progress import PullProgress, Report
from workbench.errors import WorkbenchError

_TAIL = 16_384
"""Bytes at the end of a dead child's standard error worth looking at."""


async def run_child(
    module: str, arguments: list[str], report: Report, *, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module arguments` to its end and give its result.

    Raises the WorkbenchError that the child reports, PullFailed if it dies without a word. When this task is cancelled
    the child is killed with everything that it started; what it had begun is temporary and invisible.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        env={**(os.environ if environ is None else environ), "OMP_WAIT_POLICY": "PASSIVE"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, limit=1 << 20,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    tail = bytearray()
    draining = asyncio.create_task(_drain(process.stderr, tail))
    result: dict[str, Any] | None = None
    try:
        async for raw in process.stdout:
            line = _parse(raw)
            if "error" in line:
                raise WorkbenchError(**line["error"])
            if "result" in line:
                result = line["result"]
            elif "phase" in line:
                report(PullProgress(line["phase"], line["done"], line["total"], line["unit"]))
        status = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await draining
    if result is None:
        lines = [line.strip() for line in tail.decode(errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit status {status}"
        raise PullFailed(module.rpartition(".")[2], f"the process ended without a result ({last})", "try again")
    return result


async def _drain(stream: asyncio.StreamReader, tail: bytearray) -> None:
    while chunk := await stream.read(1 << 16):
        tail += chunk
        del tail[:-_TAIL]


def _parse(raw: bytes) -> dict[str, Any]:
    """A line of ours; libraries sometimes print others, which mean nothing."""
    try:
        line = json.loads(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def emit(**line: object) -> None:
    """In the child: one line to the parent."""
    print(json.dumps(line), flush=True)  # noqa: T201 - standard output is this process's protocol


def emit_progress(progress: PullProgress) -> None:
    """In the child: one progress report."""
    emit(phase=progress.phase, done=progress.done, total=progress.total, unit=progress.unit)


def child_main(work: Callable[[], dict[str, Any]]) -> int:
    """In the child: do the work, print its result or its error; the exit status."""
    try:
        emit(result=work())
    except WorkbenchError as error:
        emit(error={"what": error.what, "why": error.why, "hint": error.hint, "code": error.code})
        return 1
    except BrokenPipeError:  # whoever asked is gone
        return 1
    except OSError as error:
        traceback.print_exc()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else f"{error.strerror or error}"
        hint = "free some space, then try again" if full else "check the folder and its permissions"
        code = "disk_full" if full else "failed"
        emit(error={"what": str(error.filename or "the model"), "why": why, "hint": hint, "code": code})
        return 1
    return 0
