"""Signing all rows of a source: here where they are few, by worker processes where they are many."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO

from workbench.dataset.duplicates.signatures import Plan, Signatures, sign
from workbench.dataset.duplicates.worker import read_signatures, write_plans, write_rows
from workbench.errors import WorkbenchError

BLOCK = 2000  # rows handed over at once
_PIPE = 1 << 20  # bytes, where the system lets us choose: a block comes in few pieces, between which nobody waits
_FEW = 10_000  # rows that are signed sooner than workers have started


class Cancelled(WorkbenchError):
    """The caller asked to stop."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("the search for duplicates", "was cancelled", "start it again")


def sign_all(
    raws: Iterable[bytes],
    count: int,
    plans: Sequence[Plan],
    *,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Signatures, ...]:
    """The signatures of all rows in their order, one after each plan; `progress` gets the rows done.

    Raises Cancelled once `cancelled` says so, and WorkbenchError if a worker dies.
    """
    blocks = iter(_blocks(raws))
    if count <= _FEW or workers < 1:
        done: list[tuple[Signatures, ...]] = []
        for block in blocks:
            if cancelled is not None and cancelled():
                raise Cancelled
            done.append(sign(block, plans))
            if progress is not None:
                progress(sum(len(part[0]) for part in done))
        return _joined(done, len(plans))
    return _Crew(blocks, plans, progress, cancelled).run(workers)


def _joined(blocks: Sequence[tuple[Signatures, ...]], plans: int) -> tuple[Signatures, ...]:
    return tuple(Signatures.joined([block[number] for block in blocks]) for number in range(plans))


def _blocks(raws: Iterable[bytes]) -> Iterator[list[bytes]]:
    source = iter(raws)
    while block := list(islice(source, BLOCK)):
        yield block


class _Crew:
    """One run of workers; a thread each hands rows over and takes the answers."""

    def __init__(
        self,
        blocks: Iterator[list[bytes]],
        plans: Sequence[Plan],
        progress: Callable[[int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._blocks = enumerate(blocks)
        self._plans = plans
        self._progress = progress
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._done: dict[int, tuple[Signatures, ...]] = {}
        self._rows_done = 0
        self._failure: BaseException | None = None

    def run(self, workers: int) -> tuple[Signatures, ...]:
        """Start the workers, wait for them, and put the answers in order."""
        threads = [threading.Thread(target=self._guarded, name=f"duplicates-{n}") for n in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure
        return _joined([self._done[number] for number in sorted(self._done)], len(self._plans))

    def _guarded(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by `run`, in the caller's thread
            self._failure = self._failure or error

    def _work(self) -> None:
        with tempfile.TemporaryFile() as errors:
            worker = subprocess.Popen(
                [sys.executable, "-m", "workbench.dataset.duplicates.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pipesize=_PIPE,
            )
            try:
                self._feed(worker, errors)
            finally:
                worker.kill()  # it holds nothing that could be lost
                for pipe in (worker.stdin, worker.stdout):
                    if pipe is not None:
                        with contextlib.suppress(BrokenPipeError):  # what a dead worker did not take
                            pipe.close()
                worker.wait()

    def _feed(self, worker: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        assert worker.stdin is not None and worker.stdout is not None
        try:
            write_plans(worker.stdin, self._plans)
            while (item := self._next()) is not None:
                number, block = item
                write_rows(worker.stdin, block)
                signed = read_signatures(worker.stdout, len(block), len(self._plans))
                if signed is None:
                    raise BrokenPipeError
                self._take(number, signed)
        except BrokenPipeError:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
            why = said[-1] if said else f"ended with {worker.wait()}"
            raise WorkbenchError("a worker", f"died while it compared records ({why})", "try again") from None

    def _next(self) -> tuple[int, Sequence[bytes]] | None:
        with self._lock:
            if self._failure is not None:
                return None
            if self._cancelled is not None and self._cancelled():
                raise Cancelled
            return next(self._blocks, None)

    def _take(self, number: int, signed: tuple[Signatures, ...]) -> None:
        with self._lock:
            self._done[number] = signed
            self._rows_done += len(signed[0])
            if self._progress is not None:
                self._progress(self._rows_done)
