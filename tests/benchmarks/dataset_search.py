"""How long a search takes in a large file, against `grep -c` in the same run.

    python tests/benchmarks/dataset_search.py FILE [ROUNDS]

FILE is JSON Lines, of about 1 GB for the goals (`make_records.py` writes one). Rounds are interleaved, so that other
load on the machine meets both alike. Goals: a literal text through 1 GB in at most 1 s, its first hit within 20 ms.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from workbench.dataset.formats import Format
from workbench.dataset.query import parse_query, select
from workbench.dataset.rows import Rows, open_rows
from workbench.dataset.search import Expression, Literal, search

GOAL_S_PER_GB = 1.0
GOAL_FIRST_S = 0.02


def grep(path: Path, *options: str) -> float:
    """Seconds of `grep -c`; its output is read, or it would stop at the first hit."""
    start = time.perf_counter()
    subprocess.run(["grep", "-c", *options, str(path)], stdout=subprocess.PIPE, check=False, env={"LC_ALL": "C.UTF-8"})
    return time.perf_counter() - start


def ours(rows: Rows, prefilter: Literal | Expression) -> tuple[float, float, int]:
    """Seconds until the first hit and to the end, and the number of hits."""
    start, first, hits = time.perf_counter(), 0.0, 0
    for part in search(rows, prefilter):
        if len(part) and not hits:
            first = time.perf_counter() - start
        hits += len(part)
    return first, time.perf_counter() - start, hits


def filtered(rows: Rows, query: str) -> tuple[float, float, int]:
    """The same for a filter, whose rows are decoded where the bytes leave doubt."""
    start, first, hits = time.perf_counter(), 0.0, 0
    for part in select(parse_query(query), rows, Format.CHAT):
        if len(part.rows) and not hits:
            first = time.perf_counter() - start
        hits += len(part.rows)
    return first, time.perf_counter() - start, hits


def main() -> None:
    """Print medians and ratios."""
    path = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with open_rows(path) as rows:
        size = rows.size / 1e9
        last = re.findall(rb"[A-Za-z]{5,}", rows.raw(len(rows) - 1))[-1].decode()
        cases: list[tuple[str, Callable[[], tuple[float, float, int]], tuple[str, ...]]] = [
            ("nothing, exact", lambda: ours(rows, Literal("zebrafish quilt", False)), ("zebrafish quilt",)),
            ("nothing, any case", lambda: ours(rows, Literal("zebrafish quilt")), ("-i", "zebrafish quilt")),
            (f"{last!r}, any case", lambda: ours(rows, Literal(last)), ("-i", last)),
            ("'refund', any case", lambda: ours(rows, Literal("refund")), ("-i", "refund")),
            (
                "/refund(ed)? .*soon/",
                lambda: ours(rows, Expression("refund(ed)? .*soon")),
                ("-E", "refund(ed)? .*soon"),
            ),
            ("filter: refund", lambda: filtered(rows, "refund"), ("-i", "refund")),
            (r"filter: /\d{4}-\d{3}/", lambda: filtered(rows, r"/\d{4}-\d{3}/"), ("-E", "[0-9]{4}-[0-9]{3}")),
            ("filter: has:tools -refund", lambda: filtered(rows, "has:tools -refund"), ("-E", "tools|tool_calls")),
        ]
        print(f"{path.name}: {len(rows):,} rows, {size:.2f} GB; medians of {rounds}")
        for name, run, options in cases:
            measured, peer = [], []
            for _ in range(rounds):
                measured.append(run())
                peer.append(grep(path, *options))
            first, whole = (statistics.median(values) for values in list(zip(*measured, strict=True))[:2])
            reference = statistics.median(peer)
            print(
                f"{name:<28} first {first * 1000:7.1f} ms  all {whole:6.2f} s  {whole / size:5.2f} s/GB  "
                f"{measured[0][2]:>9,} rows  grep -c {reference:5.2f} s  ratio {whole / reference:5.2f}"
            )
        print(f"goals: literal {GOAL_S_PER_GB} s/GB, first hit {GOAL_FIRST_S * 1000:.0f} ms")


if __name__ == "__main__":
    main()
