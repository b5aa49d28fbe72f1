"""How long a large chat file takes to be linted, scanned and counted, against the cookbook's loop in the same run.

    python tests/benchmarks/dataset_analysis.py [--records 1000000] [--file FILE] [--workers N] [--times 3]
                                                [--encoding o200k_base] [--datasets]

The cookbook's loop (`json.loads`, its checks, tiktoken over every value of every message) is run on a sample before and
after, in this process, and its CPU seconds are scaled to the whole; with `--datasets`, so are those that `load_dataset`
needs to read a sample without mistakes. Goals on 1,000,000 records, about 1 GB, two quiet processors: lint 6 s, lint
and secrets 11 s, exact tokens 12 s; 250 MB a worker; every planted mistake found and no other. `CPU` is user and system
of the workers.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil

from tests.benchmarks.make_records import write
from workbench.dataset.analysis import Analysis, Chunk, Spec, analyse
from workbench.dataset.counting import Counting
from workbench.dataset.formats import Format
from workbench.dataset.tokens import load_encoding

SAMPLE = 20_000


@dataclass
class Measured:
    """One run."""

    wall: float
    cpu: float
    first: float
    """Seconds until the first rows were known."""
    largest: int
    """Bytes of the largest worker."""
    analysis: Analysis


def measured(path: Path, spec: Spec, workers: int | None, cache: Path | None = None) -> Measured:
    """Analyse the file once."""
    began, spent, first, largest = time.perf_counter(), children(), 0.0, 0

    def watch(chunk: Chunk) -> None:
        nonlocal first, largest
        first = first or time.perf_counter() - began
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                largest = max(largest, child.memory_info().rss)

    analysis = analyse(path, spec, workers=workers, cache=cache, on_chunk=watch)
    return Measured(time.perf_counter() - began, children() - spent, first, largest, analysis)


def children() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cookbook(path: Path, count: Callable[[str], int] | None) -> float:
    """CPU seconds of the cookbook's format checks over a sample, with `count` of its token counts, too."""
    began = time.process_time()
    with path.open("rb") as file:
        for raw in islice(file, SAMPLE):
            try:
                record = json.loads(raw)
            except ValueError:
                continue
            messages = record.get("messages") if isinstance(record, dict) else None
            for message in messages or ():
                known = all(key in ("role", "content", "name", "function_call", "weight") for key in message)
                _ = known and message.get("role") in ("system", "user", "assistant", "function")
                if count is not None:
                    for value in message.values():
                        if isinstance(value, str):
                            count(value)
            any(message.get("role") == "assistant" for message in messages or ())
    return time.process_time() - began


def hugging_face(folder: Path) -> float:
    """CPU seconds that `datasets` takes to read a sample without mistakes."""
    import datasets

    datasets.disable_progress_bars()
    path = folder / "sample.jsonl"
    write(path, SAMPLE, 5, broken=0.0, duplicates=0.0, near=0.0, secrets=0.0)
    began = time.process_time()
    datasets.load_dataset("json", data_files=str(path), cache_dir=str(folder / "hf"), split="train")
    return time.process_time() - began


def verdict(path: Path, analysis: Analysis) -> str:
    """Whether what was planted was found, and nothing else."""
    planted = [json.loads(line) for line in path.with_name(path.name + ".truth").read_text().splitlines()]
    wanted = {(plant["line"], code) for plant in planted for code in plant["codes"]}
    found = {(finding.line, finding.code) for finding in analysis.findings}
    return f"{len(found):,} places found, {len(wanted - found)} missed, {len(found - wanted)} false"


def run(path: Path, folder: Path, given: argparse.Namespace) -> None:
    """Measure and print."""
    encoding = load_encoding(given.encoding, folder)
    lines = sum(1 for _ in path.open("rb"))
    scale = lines / min(SAMPLE, lines)

    def count(text: str) -> int:
        return len(encoding.encode_ordinary(text))

    checks, counts = cookbook(path, None), cookbook(path, count)
    counting = Counting(given.encoding, True, cache=str(folder))
    specs = {
        "lint": Spec(Format.CHAT, ignore=("X",)),
        "lint and secrets": Spec(Format.CHAT),
        "tokens alone": Spec(Format.CHAT, select=("J001",), counting=counting),
        "lint, secrets, tokens": Spec(Format.CHAT, counting=counting),
    }
    print(f"{lines:,} lines, {path.stat().st_size / 1e9:.2f} GB")
    results = {}
    for name, spec in specs.items():
        runs = sorted((measured(path, spec, given.workers) for _ in range(given.times)), key=lambda run: run.wall)
        one = results[name] = runs[len(runs) // 2]
        spread = f" ({runs[0].wall:.1f}–{runs[-1].wall:.1f})" if len(runs) > 1 else ""
        print(f"{name:<22} {one.wall:6.1f} s{spread}  CPU {one.cpu:5.1f} s  first rows {one.first:.2f} s  "
              f"largest worker {one.largest / 1e6:.0f} MB")  # fmt: skip
    print(f"planted mistakes: {verdict(path, results['lint'].analysis)}")
    cache = folder / "cache"
    measured(path, specs["lint"], given.workers, cache)
    again = measured(path, specs["lint"], given.workers, cache)
    print(f"{'opened again':<22} {again.wall:6.2f} s")
    checks, counts = (checks + cookbook(path, None)) / 2 * scale, (counts + cookbook(path, count)) / 2 * scale
    both = results["lint, secrets, tokens"]
    compare("cookbook: checks", checks, "lint, which finds far more", results["lint"])
    compare("cookbook: tokens", counts, "tokens alone", results["tokens alone"])
    compare("cookbook: tokens", counts, "lint, secrets, tokens", both)
    if given.datasets:
        compare("datasets: reading", hugging_face(folder) * scale, "lint", results["lint"])


def compare(name: str, seconds: float, ours: str, one: Measured) -> None:
    """A peer's CPU seconds, in one process, beside ours: by CPU, which other load changes little, and by the clock."""
    by_cpu, by_clock = seconds / one.cpu, seconds / one.wall
    print(f"{name:<22} {seconds:6.1f} s CPU  {by_cpu:5.1f}× the CPU, {by_clock:.1f}× the time of {ours}")


def main() -> int:
    """Make the file if none is given, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="a file of make_records.py, with its truth")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--times", type=int, default=3, help="runs of each, of which the median is printed")
    parser.add_argument("--encoding", default="o200k_base", choices=["o200k_base", "cl100k_base"])
    parser.add_argument("--datasets", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = given.file
        if path is None:
            path = Path(name) / "chats.jsonl"
            write(path, given.records, 1, broken=0.001, duplicates=0.01, near=0.01, secrets=0.0)
        run(path, Path(name), given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
