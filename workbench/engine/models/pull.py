"""The child process that fetches a model: `python -m workbench.engine.models.pull NAME --cache DIR`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from workbench.engine.models import hub, served, starter
from workbench.engine.models.child import child_main, emit_progress
from workbench.engine.models.folder import content_sha256
from workbench.engine.models.lock import locked
from workbench.engine.models.progress import Report


def pull(name: str, cache: Path, report: Report) -> dict[str, Any]:
    """Fetch `name` and prepare the GGUF that serves it, so that everything afterwards works offline."""
    with locked(cache / "models" / f".{name.replace('/', '--')}.lock", report):
        if name == starter.STARTER:
            folder = starter.install(cache, report)
        else:
            folder = hub.install(name, cache, report, lambda path: shutil.disk_usage(path).free)
        made = served.build(cache, content_sha256(folder, cache / "hashes"), folder, None, report)
    return {"path": str(folder), **made}


def main(arguments: list[str]) -> int:
    """The child process; see workbench.engine.models.child for what it prints."""
    parser = argparse.ArgumentParser(prog="pull")
    parser.add_argument("name")
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args(arguments)
    return child_main(lambda: pull(given.name, given.cache, emit_progress))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
