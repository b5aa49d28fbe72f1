"""Killed at any moment of editing and saving: nothing that was durable is lost, and the file is never torn."""

from __future__ import annotations

import copy
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataset import victim
from tests.dataset.victim import POINTS, Model
from workbench.dataset.rows import open_document


class Victims:
    """Processes to be killed, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", victim.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(victim.__file__).parents[2],
        )  # fmt: skip

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def kill(self, seed: int, model: Model, after: int, spin_s: float = 0.0, point: str = "") -> int:
        """Let one live until it has made something durable `after` times, kill it; steps that were durable by then."""
        state = self.folder / "state"
        state.write_bytes(pickle.dumps(model))
        assert self.process.stdin is not None
        self.process.stdin.write("\t".join([str(self.folder), str(seed), str(state), point]) + "\n")
        self.process.stdin.flush()
        pid, durable, ended = int(self.line()), 0, ""
        for _ in range(after):
            ended = self.line()
            if ended.startswith("ended"):
                break
            durable = int(ended)
        if not ended.startswith("ended"):
            until = time.perf_counter() + spin_s
            while time.perf_counter() < until:
                pass
            os.kill(pid, signal.SIGKILL)
            while not (ended := self.line()).startswith("ended"):
                durable = int(ended)
        assert ended == "ended -9"
        return durable


@pytest.fixture
def victims(tmp_path: Path) -> Iterator[Victims]:
    all_of_them = Victims(tmp_path)
    yield all_of_them
    all_of_them.close()


def written(rows: list[bytes]) -> bytes:
    return b"".join(row + b"\n" for row in rows)


def found(folder: Path, seed: int, model: Model, durable: int, point: str = "") -> Model:
    """The state in which the document is: one of those that came when `durable` steps had been made, or later."""
    data = (folder / "data.jsonl").read_bytes()
    with open_document(folder / "data.jsonl", folder / "journals") as document:
        assert document.read_only is None
        seen = ([document.raw(row) for row in document.ids().tolist()], document.unsaved, len(document._edits))
    assert not list(folder.glob("journals/*aside*")) and not list(folder.glob(".data*"))
    model = copy.deepcopy(model)
    for number, step in enumerate(victim.steps(model, seed, point)):
        here = (model.rows, model.now, len(model.history) - 1)
        if number >= durable and here == seen and written(model.saved) == data:
            return model
        assert number < durable + 200, f"no state after {durable} steps or more is that of the document"
        model.make(step)
    raise AssertionError


def start(folder: Path) -> Model:
    model = Model([b'{"n": %d}' % number for number in range(60)])
    (folder / "data.jsonl").write_bytes(written(model.rows))
    return model


def kill_many(victims: Victims, times: int, seed: int) -> None:
    """One document through many lives, each ended at a random moment."""
    chance, model = random.Random(seed), start(victims.folder)
    for number in range(seed, seed + times):
        durable = victims.kill(number, model, chance.randint(1, 6), chance.random() * 0.004)
        model = found(victims.folder, number, model, durable)


def test_thirty_kills_lose_nothing(victims: Victims) -> None:
    """Edits, undos and saves over the source, ended at random; what was flushed or saved is there."""
    kill_many(victims, 30, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_kills_lose_nothing(victims: Victims) -> None:
    """The same, for as long as it takes to meet the rare moments."""
    kill_many(victims, 1000, seed=random.randrange(1 << 30))


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_each_point_of_a_save_leaves_the_old_file_or_the_new(victims: Victims, point: str) -> None:
    """On both sides of the rename: the rows are those that were made, saved or still to be saved."""
    model = start(victims.folder)
    durable = victims.kill(7, model, after=1000, point=point)
    after = found(victims.folder, 7, model, durable, point)
    renamed = list(POINTS).index(point) >= list(POINTS).index("after the rename")
    data = (victims.folder / "data.jsonl").read_bytes()
    assert (data == written(after.rows)) == renamed == (after.now == 0)
