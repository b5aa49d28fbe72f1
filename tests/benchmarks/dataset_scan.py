"""How fast secrets and personal data are found among many records, against the standard library's expressions.

    python tests/benchmarks/make_records.py /tmp/records.jsonl --records 1000000 --secrets 0.001
    python tests/benchmarks/dataset_scan.py /tmp/records.jsonl

The fast pass (`scan.prefilter` over each row) and the whole scan (`scan.scan`, hits decoded and confirmed) in one
process; the peer is `re` with the same alternation on the first 2,000 records. CPU seconds, so that other load counts
less. Recall is against FILE.truth. Goal: a gigabyte in at most 10 CPU seconds, that is 5 s on two cores.
"""

from __future__ import annotations

import json
import re
import sys
import time
from itertools import islice
from pathlib import Path

from workbench.dataset.rows import open_rows
from workbench.dataset.scan import prefilter, scan
from workbench.dataset.scan.patterns import patterns

GOAL_S_PER_GB = 10.0
PEER_RECORDS = 2000


def peer(path: Path) -> float:
    """CPU seconds a byte of the standard library."""
    expression = re.compile("|".join(pattern.regex for pattern in patterns()).encode())
    with path.open("rb") as file:
        raws = list(islice(file, PEER_RECORDS))
    start = time.process_time()
    for raw in raws:
        expression.search(raw)
    return (time.process_time() - start) / sum(map(len, raws))


def main() -> int:
    """Print seconds, ratio and recall; 1 if the goal is missed."""
    path = Path(sys.argv[1])
    size = path.stat().st_size
    with open_rows(path) as rows:
        start = time.process_time()
        candidates = sum(map(prefilter, rows.iter_raw()))
        fast = time.process_time() - start
        start = time.process_time()
        found = list(scan(rows))
        whole = time.process_time() - start
        count = len(rows)
    bare = peer(path) * size
    print(f"{count:,} records, {size / 1e9:.2f} GB; {candidates:,} looked at closely, {len(found):,} hits")
    print(f"fast pass {fast:.1f} s CPU ({size / fast / 1e6:,.0f} MB/s), whole scan {whole:.1f} s CPU")
    print(f"`re` with the same patterns: {bare:.0f} s CPU; ratio {bare / fast:.0f}×")
    truth = path.with_name(path.name + ".truth")
    if truth.exists():
        lines = {hit.line for hit in found}
        planted = [
            entry["line"] for entry in map(json.loads, truth.read_text().splitlines()) if entry["kind"] == "secret"
        ]
        share = sum(line in lines for line in planted) / len(planted) if planted else None
        extra = len(lines - set(planted))
        print(f"recall of {len(planted)} planted: {'-' if share is None else f'{share:.4f}'}; {extra} other lines")
    goal = GOAL_S_PER_GB * size / 1e9 + 1
    print(f"goal {goal:.1f} s CPU: {'met' if whole <= goal else 'missed'}")
    return 0 if whole <= goal else 1


if __name__ == "__main__":
    sys.exit(main())
