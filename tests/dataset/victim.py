"""A process that edits and saves a dataset until it is killed; run by `test_kill.py`.

It loads everything once and then forks a child for each line on its standard input: `FOLDER SEED STATE [POINT]`, where
STATE is a file with a pickled `Model` of the document as it is. The child prints how many steps it has made durable.
With POINT it kills itself at that point of its first save.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workbench.dataset.rows import Document, open_document
from workbench.dataset.rows import saving as saving_module
from workbench.dataset.rows.journal import Journal
from workbench.dataset.rows.rewrite import Beside

Step = tuple[Any, ...]


class Model:
    """What the document must be: a list of bytes, the lists before it, and the list that was saved."""

    def __init__(self, rows: list[bytes]) -> None:
        self.history = [rows]
        self.now = 0
        self.saved = rows

    @property
    def rows(self) -> list[bytes]:
        return self.history[self.now]

    def choose(self, chance: random.Random) -> Step:
        """A next step that is possible."""
        kind = chance.choice(["replace", "replace", "insert", "delete", "move", "shuffle", "undo", "redo", "save"])
        count = len(self.rows)
        kind = "delete" if count > 300 else kind
        raws = [b'{"n": %d}' % chance.randrange(1 << 40) for _ in range(chance.choice([1, 1, 3, 80]))]
        places = sorted(chance.sample(range(count), min(count, len(raws))))
        if kind == "replace":
            return kind, places, raws
        if kind == "insert":
            return kind, chance.randint(0, count), raws[:3]
        if kind == "move":
            return kind, places, chance.randint(0, count)
        if kind == "shuffle":
            return kind, chance.sample(range(count), count)
        if (kind == "delete" and count <= len(places) + 20) or (kind == "undo" and not self.now):
            return "insert", 0, raws
        if kind == "redo" and self.now == len(self.history) - 1:
            return "insert", count, raws
        return (kind, places) if kind == "delete" else (kind,)

    def make(self, step: Step) -> None:
        """Make a step in the plain list."""
        rows = list(self.rows)
        if step[0] in ("undo", "redo"):
            self.now += 1 if step[0] == "redo" else -1
            return
        if step[0] == "save":
            self.history, self.now, self.saved = [rows], 0, rows
            return
        if step[0] == "replace":
            for place, raw in zip(step[1], step[2], strict=False):
                rows[place] = raw
        elif step[0] == "insert":
            rows[step[1] : step[1]] = step[2]
        elif step[0] == "delete":
            rows = [raw for place, raw in enumerate(rows) if place not in step[1]]
        elif step[0] == "move":
            before = [raw for place, raw in enumerate(rows[: step[2]]) if place not in step[1]]
            behind = [raw for place, raw in enumerate(rows[step[2] :], step[2]) if place not in step[1]]
            rows = [*before, *(rows[place] for place in step[1]), *behind]
        else:
            rows = [rows[place] for place in step[1]]
        if rows != self.rows:
            self.history[self.now + 1 :] = [rows]
            self.now += 1


def make(document: Document, step: Step) -> None:
    """Make the same step in the document."""
    ids = document.ids()
    if step[0] == "replace":
        document.replace({int(ids[place]): raw for place, raw in zip(step[1], step[2], strict=False)}, title="replace")
    elif step[0] == "insert":
        document.insert(step[1], step[2], title="insert")
    elif step[0] == "delete":
        document.delete(ids[step[1]], title="delete")
    elif step[0] == "move":
        document.move(ids[step[1]], step[2], title="move")
    elif step[0] == "shuffle":
        document.reorder(ids[step[1]], title="shuffle")
    else:
        {"undo": document.undo, "redo": document.redo, "save": document.save}[step[0]]()


POINTS: dict[str, tuple[object, str, bool]] = {
    "while writing": (Beside, "dress_like", False),
    "before the intent": (Journal, "begin_save", False),
    "after the intent": (Journal, "begin_save", True),
    "before the rename": (Path, "replace", False),
    "after the rename": (Path, "replace", True),
    "after the folder": (saving_module, "_put_in_place", True),
    "before the journal is emptied": (Journal, "end_save", False),
    "after the journal is emptied": (Journal, "end_save", True),
    "before the overlay is emptied": (Document, "become", False),
    "after everything": (Document, "become", True),
}
"""Places of a save: what to replace, and whether to be killed after it instead of before."""


def die_at(point: str) -> None:
    """Be killed at a point of the next save."""
    where, name, after = POINTS[point]
    original: Callable[..., object] = getattr(where, name)

    def dying(*args: object, **options: object) -> object:
        if after:
            original(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(where, name, dying)


def steps(model: Model, seed: int, point: str) -> Iterator[Step]:
    """What one life does: the same for the victim and for whoever finds it."""
    chance = random.Random(seed)
    for number in range(1_000_000):
        yield ("save",) if point and number == 5 else model.choose(chance)


def live(folder: Path, seed: int, model: Model, point: str) -> None:
    """Edit and save for ever; say what is durable."""
    pause = random.Random(seed + 1)
    document = open_document(folder / "data.jsonl", folder / "journals")
    if point:
        die_at(point)
    for number, step in enumerate(steps(model, seed, point), start=1):
        model.make(step)
        make(document, step)
        if pause.random() < 0.4 or step == ("save",):
            document.flush()
            os.write(1, b"%d\n" % number)


def main() -> None:
    """Fork a child a line."""
    import numpy as np
    import psutil

    assert np.arange(1).size and psutil.Process().pid  # loaded here, so that no child has to
    for line in sys.stdin:
        folder, seed, state, *point = line.rstrip("\n").split("\t")
        pid = os.fork()
        if not pid:
            try:
                live(Path(folder), int(seed), pickle.loads(Path(state).read_bytes()), "".join(point))
            finally:
                os._exit(1)
        os.write(1, b"%d\n" % pid)
        status = os.waitpid(pid, 0)[1]
        os.write(1, b"ended %d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
