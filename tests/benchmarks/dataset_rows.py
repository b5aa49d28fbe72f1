"""The engine of rows at a million records: opening, editing, saving, opening again, and the memory it takes.

    python tests/benchmarks/dataset_rows.py FILE.jsonl [--edits 10000] [--rounds 5] [--folder DIR]

FILE is made by `make_records.py`; it is copied to a folder beside it first and stays as it is. Every part runs in a
process of its own, so that its memory is its own. Peers of the same run: `wc -l` for the index, `cp` and fsync for the
save; their rounds are interleaved with ours (a copy before and after each save), medians are compared. Edits are timed
on the thread that makes them, with the journal's thread at work beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from workbench.dataset.rows import Document, open_document

EDIT_GOAL_MS = 5.0
SAVE_GOAL = 1.1
INDEX_GOAL_S = 1.5
MEMORY_GOAL_MB = 90.0


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def opened(file: Path) -> Document:
    return open_document(file, file.parent / "journals")


def part_open(file: Path, edits: int) -> dict[str, float]:
    """First rows, all rows, memory."""
    import workbench.dataset.rows.document  # noqa: F401 (what is loaded once a program is not timed)

    begin = time.perf_counter()
    document = opened(file)
    shown = [document.value(document.id_at(position)) for position in range(24)]
    first, known = time.perf_counter() - begin, len(document)
    assert shown
    processor = time.process_time()
    begin = time.perf_counter()
    document.index_rest()
    rest, processor = time.perf_counter() - begin, time.process_time() - processor
    chance = random.Random(1)
    reads = []
    for _ in range(2000):
        begin = time.perf_counter()
        position = chance.randrange(len(document))
        document.value(document.id_at(position))
        reads.append(time.perf_counter() - begin)
    result = {
        "first_s": first, "first_rows": known, "rest_s": rest, "rest_cpu_s": processor, "rows": len(document),
        "read_us": statistics.median(reads) * 1e6, "resident_mb": resident_mb(),
    }  # fmt: skip
    document.close()
    return result


def part_edit(file: Path, edits: int) -> dict[str, float]:
    """Scattered edits of all kinds, then undo and redo; the journal stays for the next part."""
    document = opened(file)
    document.index_rest()
    chance = random.Random(2)
    times = []
    for number in range(edits):
        position = chance.randrange(len(document))
        row = document.id_at(position)
        raw = document.raw(row)
        kind = chance.random()
        begin = time.perf_counter()
        if kind < 0.6:
            document.replace({row: raw[:-1] + b" }"}, title="edit")
        elif kind < 0.75:
            document.insert(position, [raw], title="duplicate")
        elif kind < 0.9:
            document.delete([row], title="delete")
        else:
            document.move([row], chance.randrange(len(document)), title="move")
        times.append(time.perf_counter() - begin)
        if number % 100 == 99:
            time.sleep(0.02)  # a person is slower still; the journal's thread gets its turns
    times.sort()
    document.flush()
    back = timed(lambda: [document.undo() for _ in range(1000)])
    again = timed(lambda: [document.redo() for _ in range(1000)])
    result = {
        "edit_us": times[len(times) // 2] * 1e6, "edit_p99_ms": times[len(times) * 99 // 100] * 1e3,
        "edit_max_ms": times[-1] * 1e3, "undo_us": back * 1e3, "redo_us": again * 1e3, "resident_mb": resident_mb(),
    }  # fmt: skip
    document.close()
    return result


def part_reopen(file: Path, edits: int) -> dict[str, float]:
    """Everything is there again: index and edits."""
    begin = time.perf_counter()
    document = opened(file)
    result = {"reopen_s": time.perf_counter() - begin, "unsaved": document.unsaved, "resident_mb": resident_mb()}
    document.close()
    return result


def part_bulk(file: Path, edits: int) -> dict[str, float]:
    """Edits of all rows at once, each one undo step."""
    import numpy as np

    document = opened(file)
    document.index_rest()
    ids = document.ids()
    np.random.default_rng(3).shuffle(ids)
    shuffled = timed(lambda: document.reorder(ids, title="shuffle"))
    dropped = timed(lambda: document.delete(document.ids()[::3], title="drop a third"))
    undone = timed(document.undo)
    document.redo()
    flushed = timed(document.flush)
    memory = resident_mb()
    document.close()
    begin = time.perf_counter()
    document = opened(file)
    reopened = time.perf_counter() - begin
    document.undo()
    document.undo()
    document.flush()
    document.close()
    return {
        "shuffle_s": shuffled, "drop_s": dropped, "undo_s": undone, "flush_s": flushed, "reopen_s": reopened,
        "resident_mb": memory,
    }  # fmt: skip


def part_save(file: Path, edits: int) -> dict[str, float]:
    """A save with scattered edits over the source, and a copy of the same file right before and right after it.

    The file is in the system's memory for all three, and the disk is idle when each begins.
    """
    document = opened(file)
    document.index_rest()
    chance = random.Random()
    for _ in range(edits):
        row = document.id_at(chance.randrange(len(document)))
        document.replace({row: document.raw(row)[:-1] + b" }"}, title="edit")
    document.flush()
    timed_copy(file)  # not counted: on a virtual machine it is the one that waits for memory from the host
    before = timed_copy(file)
    settle(file)
    processor = time.process_time()
    save = timed(document.save)
    processor = time.process_time() - processor
    document.close()
    return {"before_s": before, "save_s": save, "after_s": timed_copy(file), "save_cpu_s": processor}


def settle(file: Path) -> None:
    """Have the file in memory and nothing on its way to the disk."""
    os.sync()
    with file.open("rb", buffering=0) as source:
        while source.read(1 << 22):
            pass


def timed_copy(file: Path) -> float:
    """Seconds that `cp` and fsync take; the copy is removed."""
    settle(file)
    copy = file.with_name("copy")

    def copied() -> None:
        subprocess.run(["cp", file, copy], check=True)
        with copy.open("rb") as written:
            os.fsync(written.fileno())

    seconds = timed(copied)
    copy.unlink()
    return seconds


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


PARTS = {"open": part_open, "edit": part_edit, "reopen": part_reopen, "bulk": part_bulk, "save": part_save}


def run(part: str, file: Path, edits: int) -> dict[str, float]:
    """A part in a process of its own, with its largest memory added."""
    code = "import sys; from tests.benchmarks.dataset_rows import child; child(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, part, str(file), str(edits)], stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def child(part: str, file: str, edits: str) -> None:
    """What `run` runs."""
    result = PARTS[part](Path(file), int(edits))
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(result))


def main() -> int:
    """Print every number, its peer and its goal; 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to work: on the disk that is to be measured")
    chosen = parser.parse_args()
    work = (chosen.folder or chosen.file.parent) / "rows-benchmark"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        return measure(chosen.file, work, chosen.edits, chosen.rounds)
    finally:
        shutil.rmtree(work)


def measure(source: Path, work: Path, edits: int, rounds: int) -> int:
    """All parts, on a copy of the file."""
    file = work / "data.jsonl"
    subprocess.run(["cp", source, file], check=True)
    os.sync()
    missed = 0

    def goal(name: str, value: float, limit: float, unit: str) -> None:
        nonlocal missed
        missed += value > limit
        print(f"{name:<34} {value:8.2f} {unit:<3} goal {limit:g}: {'met' if value <= limit else 'MISSED'}")

    opens, counts = [], []
    for _ in range(rounds):
        counts.append(timed(lambda: subprocess.run(["wc", "-l", file], stdout=subprocess.DEVNULL, check=True)))
        opens.append(run("open", file, edits))
    first = {key: statistics.median(one[key] for one in opens) for key in opens[0]}
    print(f"{first['rows']:,.0f} rows, {file.stat().st_size / 1e9:.2f} GB; medians of {rounds}")
    print(
        f"first {first['first_rows']:,.0f} rows {first['first_s'] * 1e3:.1f} ms; a random row {first['read_us']:.0f} µs"
    )
    scale = max(1.0, first["rows"] / 1e6)
    goal("all rows", first["rest_s"], INDEX_GOAL_S if scale == 1 else scale, "s")
    wc = statistics.median(counts)
    print(f"  CPU {first['rest_cpu_s']:.2f} s; wc -l {wc:.2f} s: {first['rest_s'] / wc:.2f}×")
    goal("memory with all rows", first["resident_mb"], MEMORY_GOAL_MB if scale == 1 else 30 * scale, "MB")
    edit = run("edit", file, edits)
    goal(f"an edit, p99 of {edits:,}", edit["edit_p99_ms"], EDIT_GOAL_MS, "ms")
    print(
        f"  median {edit['edit_us']:.0f} µs, largest {edit['edit_max_ms']:.1f} ms; memory {edit['resident_mb']:.0f} MB"
    )
    print(f"  undo {edit['undo_us']:.0f} µs, redo {edit['redo_us']:.0f} µs")
    again = run("reopen", file, edits)
    print(f"opened again with {again['unsaved']:,.0f} edits: {again['reopen_s']:.2f} s, {again['resident_mb']:.0f} MB")
    bulk = run("bulk", file, edits)
    print(
        f"shuffle {bulk['shuffle_s']:.2f} s, drop a third {bulk['drop_s']:.2f} s, undo {bulk['undo_s']:.2f} s,"
        f" flush {bulk['flush_s']:.2f} s, opened again {bulk['reopen_s']:.2f} s, memory {bulk['resident_mb']:.0f} MB"
    )
    saves = [run("save", file, edits) for _ in range(rounds)]
    save = statistics.median(one["save_s"] for one in saves)
    cp = statistics.median(one[key] for one in saves for key in ("before_s", "after_s"))
    for one in saves:
        print(
            f"  cp {one['before_s']:.2f} s, save {one['save_s']:.2f} s ({one['save_cpu_s']:.2f} s CPU),"
            f" cp {one['after_s']:.2f} s: {2 * one['save_s'] / (one['before_s'] + one['after_s']):.2f}×"
        )
    print(f"save {save:.2f} s, cp and fsync {cp:.2f} s; medians")
    goal("save against cp and fsync", save / cp, SAVE_GOAL, "×")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
