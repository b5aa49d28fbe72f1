"""What a build, a split's keys and a comparison cost, against reading and writing every record as JSON in the same run.

    python tests/benchmarks/recipes.py FILE.jsonl

Make the file with make_records.py. CPU seconds of this process; the peer decodes each line with the standard library
and writes it again, which is the least that a script doing any of this would do.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.dataset.diff import diff
from workbench.dataset.recipe.build import build
from workbench.dataset.recipe.document import Recipe, parse_recipe
from workbench.dataset.rows import open_rows

CLEAN = '[[steps]]\nkind = "clean"\nfix = "{}"\n'
FIXES = ("html", "quotes", "signatures", "whitespace", "unicode", "controls", "placeholders")


def measured(name: str, work: Callable[[], object], peer: float | None = None) -> float:
    """Run, and print CPU seconds and the ratio to the peer."""
    begun = time.process_time()
    work()
    spent = time.process_time() - begun
    ratio = "" if peer is None else f"  {spent / peer:5.2f} x the peer"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:<34}{spent:8.2f} s CPU{ratio}   ({memory} MB at most so far)", flush=True)
    return spent


def main(path: Path) -> None:
    """Everything, one after another."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder) / "out.jsonl"

        def bare() -> None:
            with path.open("rb") as file, out.open("wb") as target:
                for line in file:
                    try:
                        target.write(json.dumps(json.loads(line), ensure_ascii=False).encode() + b"\n")
                    except ValueError:
                        target.write(line)

        peer = measured("json.loads and json.dumps", bare)

        def built(recipe: Recipe) -> Callable[[], object]:
            return lambda: build(recipe, path, out, force=True)

        measured("build with no step", built(Recipe()), peer)
        for fix in FIXES:
            measured(f"clean {fix}", built(parse_recipe(CLEAN.format(fix))), peer)
        measured("dedupe", built(parse_recipe('[[steps]]\nkind = "dedupe"\n')), peer)
        measured("all fixes", built(parse_recipe("".join(map(CLEAN.format, FIXES)))), peer)
        with open_rows(path) as old, open_rows(out) as new:
            measured("compare with all fixes", lambda: diff(old, new), peer)
        with open_rows(path) as old, open_rows(path) as new:
            measured("compare with itself", lambda: diff(old, new), peer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
