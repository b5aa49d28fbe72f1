"""The parent's side of the worker processes: one that dies is replaced and its task tried once more."""

from __future__ import annotations

import selectors
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any

from workbench.dataset.analysis.process import LOOK_EVERY_S, Process, way_out
from workbench.dataset.analysis.wire import Done, Failed, Start, Task
from workbench.errors import WorkbenchError

_AHEAD = 2  # tasks a worker has at once: it never waits for the parent
_TRIES = 2


class AnalysisCancelled(WorkbenchError):
    """The person does not want it any more."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("the analysis", "was cancelled", "")


class _Worker(Process):
    """One process with its tasks."""

    def __init__(self, start: Start, complaints: IO[bytes]) -> None:
        super().__init__("worker", [start.fd], complaints)
        self.tasks: deque[Task] = deque()
        self.say(start)

    def take(self, task: Task) -> None:
        """Give it a task."""
        self.tasks.append(task)
        self.say(task)


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
            for key, _ in self._selector.select(LOOK_EVERY_S):
                worker: _Worker = key.data
                heard = worker.heard()
                if heard is None:
                    self._replace(worker, again, tries)
                else:
                    for message in heard:
                        yield self._answer(worker, message)
            if cancelled is not None and cancelled():
                raise AnalysisCancelled
            self._deal(tasks, again)

    def _start(self) -> None:
        worker = _Worker(self._begin, self._complaints)
        self._workers.append(worker)
        self._selector.register(worker.answers, selectors.EVENT_READ, worker)

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
        self._selector.unregister(worker.answers)
        self._workers.remove(worker)
        status = worker.end()
        if worker.tasks:
            number = worker.tasks[0].number
            tries[number] = tries.get(number, 0) + 1
            if tries[number] >= _TRIES:
                raise self._dead(worker, status)
        again.extendleft(reversed(worker.tasks))
        self._start()

    def _dead(self, worker: _Worker, status: int) -> WorkbenchError:
        task = worker.tasks[0]
        why = f"the process that analyses bytes {task.first:,} to {task.last:,} {worker.why(status)}, twice"
        return WorkbenchError(self._name, why, way_out(status), code="worker_died")
