"""How long near-duplicates take among many chat records, against the bare library fed one record at a time.

    python tests/benchmarks/make_records.py /tmp/records.jsonl --records 1000000
    python tests/benchmarks/dataset_duplicates.py /tmp/records.jsonl [--groups]

Ours is `dataset.duplicates.find_duplicates`: two worker processes, exact and near copies, every pair compared for real.
The peer is rensa's MinHash over word triples cut in Python, as its documentation shows, on the first 20,000 records,
without any comparison. Recall is against FILE.truth. Goal: a million records of 1 KB in at most 60 s on two cores. With
--groups also `groups`, which a split uses (near copies and near-equal questions): at most 90 s. Seconds of processors
are said beside those of the clock, for a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

from rensa import RMinHash

from workbench.dataset.duplicates import find_duplicates, groups
from workbench.dataset.duplicates.texts import read, record_text
from workbench.dataset.rows import Rows, open_rows

T = TypeVar("T")

GOAL_S_PER_MILLION = 60.0
GROUPS_S_PER_MILLION = 90.0
PEER_RECORDS = 20_000
START_S = 6.0  # what a small file may take: two processes start


def peer(path: Path) -> float:
    """Seconds a record of the bare library."""
    with path.open("rb") as file:
        raws = list(islice(file, PEER_RECORDS))
    start = time.perf_counter()
    for raw in raws:
        found = re.findall(r"\w+", record_text(read(raw)).lower())
        sketch = RMinHash(num_perm=128, seed=42)
        sketch.update([" ".join(found[at : at + 3]) for at in range(max(1, len(found) - 2))])
        sketch.digest()
    return (time.perf_counter() - start) / len(raws)


def recall(path: Path, kind: str, groups: list[tuple[int, ...]]) -> float | None:
    """The share of planted copies that are in one group with what they were copied from."""
    truth = path.with_name(path.name + ".truth")
    if not truth.exists():
        return None
    group_of = {line: number for number, lines in enumerate(groups) for line in lines}
    planted = [entry for entry in map(json.loads, truth.read_text().splitlines()) if entry["kind"] == kind]
    met = sum(group_of.get(entry["line"], -1) == group_of.get(entry["of"], -2) for entry in planted)
    return met / len(planted) if planted else None


def measured(what: str, path: Path, work: Callable[[Rows], T]) -> tuple[T, float]:
    """The result, and seconds of the clock; both kinds of seconds and the memory are printed."""
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    start = time.perf_counter()
    with open_rows(path) as rows:
        result = work(rows)
        count = len(rows)
    seconds = time.perf_counter() - start
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    here, there = (
        later.ru_utime + later.ru_stime - sooner.ru_utime - sooner.ru_stime
        for later, sooner in zip(after, before, strict=True)
    )
    print(
        f"{what}, {count:,} records: {seconds:.1f} s, of processors {here:.1f} s here and {there:.1f} s in workers;"
        f" at most {after[0].ru_maxrss / 2**10:.0f} MiB here"
    )
    return result, seconds


def goal(what: str, seconds: float, per_million: float, count: int) -> bool:
    """Whether it is met, said."""
    wanted = max(per_million * count / 1e6, START_S)
    print(f"goal of {what} {wanted:.1f} s: {'met' if seconds <= wanted else 'missed'}")
    return seconds <= wanted


def main() -> int:
    """Print seconds, ratio and recall; 1 if a goal is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--groups", action="store_true")
    chosen = arguments.parse_args()
    path: Path = chosen.file
    found, seconds = measured("near copies", path, find_duplicates)
    alone = peer(path)
    print(
        f"rensa alone, one process: {alone * 1e6:.0f} µs a record, so {alone * found.records:.0f} s;"
        f" ratio {alone * found.records / seconds:.1f}×"
    )
    print(f"exact groups {len(found.exact)}, near groups {len(found.near)}")
    for kind, copies in (("duplicate", found.exact), ("near", found.near)):
        share = recall(path, kind, [group.lines for group in copies])
        print(f"recall of planted {kind}: {'no truth file' if share is None else f'{share:.4f}'}")
    met = goal("near copies", seconds, GOAL_S_PER_MILLION, found.records)
    if chosen.groups:
        numbers, seconds = measured("groups", path, groups)
        print(f"groups {len(set(numbers.tolist()))}")
        met = goal("groups", seconds, GROUPS_S_PER_MILLION, found.records) and met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
