"""The parent's side of the worker processes.

They are started with subprocess, never multiprocessing: inside a running Textual app that fails, for the app replaces
stderr. A worker that dies is replaced and its task tried once more.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import workbench
from workbench.dataset.analysis.wire import Done, Failed, Start, Task, pack, unpack
from workbench.errors import WorkbenchError

_AHEAD = 2  # tasks a worker has at once: it never waits for the parent
_READ = 1 << 20
_LOOK_EVERY_S = 0.1  # how soon a cancellation is seen
_TRIES = 2


class AnalysisCancelled(WorkbenchError):
    """The person does not want it any more."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("the analysis", "was cancelled", "")


class _Worker:
    """One process with its tasks."""

    def __init__(self, start: Start, complaints: IO[bytes]) -> None:
        self.tasks: deque[Task] = deque()
        self.buffer = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.dataset.analysis.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=(start.fd,),
            env=_environment(),
            bufsize=0,
        )
        self.say(start)

    def say(self, message: object) -> None:
        """Send a message; a worker that is gone shows itself when its answers end."""
        assert self.process.stdin is not None
        data = memoryview(pack(message))
        try:
            while data:
                data = data[self.process.stdin.write(data) or 0 :]
        except BrokenPipeError:
            pass

    def take(self, task: Task) -> None:
        """Give it a task."""
        self.tasks.append(task)
        self.say(task)

    def end(self) -> int:
        """Make sure that it is gone; returns its exit status."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return self.process.wait()


class Pool:
    """Some workers on one open file."""

    def __init__(self, start: Start, count: int, name: str) -> None:
        self._begin, self._name = start, name
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        try:
            for _ in range(count):
                self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._selector.close()
        self._complaints.close()

    def run(self, tasks: Iterator[Task], cancelled: Callable[[], bool] | None = None) -> Iterator[Done]:
        """Do all tasks; answers come in nearly their order.

        Raises AnalysisCancelled as soon as `cancelled` says so, and WorkbenchError if a worker cannot go on or dies
        twice on one task.
        """
        again: deque[Task] = deque()
        tries: dict[int, int] = {}
        self._deal(tasks, again)
        while any(worker.tasks for worker in self._workers):
            for key, _ in self._selector.select(_LOOK_EVERY_S):
                worker: _Worker = key.data
                assert worker.process.stdout is not None
                data = os.read(worker.process.stdout.fileno(), _READ)
                if data:
                    worker.buffer += data
                    for message in unpack(worker.buffer):
                        yield self._answer(worker, message)
                else:
                    self._replace(worker, again, tries)
            if cancelled is not None and cancelled():
                raise AnalysisCancelled
            self._deal(tasks, again)

    def _start(self) -> None:
        worker = _Worker(self._begin, self._complaints)
        self._workers.append(worker)
        assert worker.process.stdout is not None
        self._selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    def _deal(self, tasks: Iterator[Task], again: deque[Task]) -> None:
        """Give every worker enough to do."""
        for ahead in range(_AHEAD):
            for worker in self._workers:
                if len(worker.tasks) <= ahead:
                    task = again.popleft() if again else next(tasks, None)
                    if task is None:
                        return
                    worker.take(task)

    def _answer(self, worker: _Worker, message: Any) -> Done:
        if isinstance(message, Failed):
            what = self._name if message.what == "the file" else message.what
            raise WorkbenchError(what, message.why, message.hint, code=message.code)
        assert isinstance(message, Done)
        worker.tasks.popleft()
        return message

    def _replace(self, worker: _Worker, again: deque[Task], tries: dict[int, int]) -> None:
        """Put a new worker in the place of one that died, and its tasks first in the queue."""
        assert worker.process.stdout is not None
        self._selector.unregister(worker.process.stdout)
        self._workers.remove(worker)
        status = worker.end()
        if worker.tasks:
            number = worker.tasks[0].number
            tries[number] = tries.get(number, 0) + 1
            if tries[number] >= _TRIES:
                raise self._dead(status, worker.tasks[0])
        again.extendleft(reversed(worker.tasks))
        self._start()

    def _dead(self, status: int, task: Task) -> WorkbenchError:
        why = f"was ended by {_signal(-status)}" if status < 0 else f"ended with status {status}"
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        why = f"{why} ({said[-1]})" if said else why
        hint = "free some memory and try again" if status == -signal.SIGKILL else "try again"
        place = f"bytes {task.first:,} to {task.last:,}"
        return WorkbenchError(self._name, f"the process that analyses {place} {why}, twice", hint, code="worker_died")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment() -> dict[str, str]:
    """Ours, with the way to this very package, and an allocator that keeps what a part used for the next one."""
    root = str(Path(workbench.__file__).parent.parent)
    paths: Sequence[str] = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {"MALLOC_TRIM_THRESHOLD_": "134217728", "MALLOC_MMAP_THRESHOLD_": "134217728"}
    alone = {"OPENBLAS_NUM_THREADS": "1"}  # numpy's threads for matrices, of which there are none here
    return {**kept, **alone, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "TOKENIZERS_PARALLELISM": "false"}
