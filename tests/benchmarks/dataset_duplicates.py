"""How long near-duplicates take among many chat records, against the bare library fed one record at a time.

    python tests/benchmarks/make_records.py /tmp/records.jsonl --records 1000000
    python tests/benchmarks/dataset_duplicates.py /tmp/records.jsonl

Ours is `dataset.duplicates.find_duplicates`: two worker processes, exact and near copies, every pair compared for real.
The peer is rensa's MinHash over word triples cut in Python, as its documentation shows, on the first 20,000 records,
without any comparison. Recall is against FILE.truth. Goal: a million records of 1 KB in at most 60 s on two cores.
"""

from __future__ import annotations

import json
import re
import sys
import time
from itertools import islice
from pathlib import Path

import psutil
from rensa import RMinHash

from workbench.dataset.duplicates import find_duplicates
from workbench.dataset.duplicates.signatures import read
from workbench.dataset.duplicates.texts import record_text
from workbench.dataset.rows import open_rows

GOAL_S_PER_MILLION = 60.0
PEER_RECORDS = 20_000
START_S = 5.0  # what a small file may take: two processes start


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


def main() -> int:
    """Print seconds, ratio and recall; 1 if the goal is missed."""
    path = Path(sys.argv[1])
    start = time.perf_counter()
    with open_rows(path) as rows:
        found = find_duplicates(rows)
        count = len(rows)
    seconds = time.perf_counter() - start
    alone = peer(path)
    memory = psutil.Process().memory_info().rss / 2**20
    print(f"{count:,} records: {seconds:.1f} s ({count / seconds:,.0f} a second), {memory:.0f} MiB in this process")
    print(
        f"rensa alone, one process: {alone * 1e6:.0f} µs a record, so {alone * count:.0f} s;"
        f" ratio {alone * count / seconds:.1f}×"
    )
    print(f"exact groups {len(found.exact)}, near groups {len(found.near)}")
    for kind, groups in (("duplicate", found.exact), ("near", found.near)):
        share = recall(path, kind, [group.lines for group in groups])
        print(f"recall of planted {kind}: {'no truth file' if share is None else f'{share:.4f}'}")
    goal = max(GOAL_S_PER_MILLION * count / 1e6, START_S)
    print(f"goal {goal:.1f} s: {'met' if seconds <= goal else 'missed'}")
    return 0 if seconds <= goal else 1


if __name__ == "__main__":
    sys.exit(main())
