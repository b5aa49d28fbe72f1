"""What hosts load: one Q8_0 GGUF a model, base and tuned made the same way, kept by content.

`python -m workbench.engine.models.served --cache DIR --sha256 HEX --base DIR [--adapter DIR]`

`<cache>/served/<sha256>/model-q8_0.gguf`, or `refused.json` with the reason why there is none and transformers serves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from workbench.engine.models.child import child_main, emit_progress
from workbench.engine.models.errors import ModelRefused
from workbench.engine.models.gguf import ARRIVING, to_gguf
from workbench.engine.models.lock import locked
from workbench.engine.models.merge import merge
from workbench.engine.models.progress import Report
from workbench.engine.models.wheels import CONVERTER, sweep

MERGED = ".merged-"
"""Temporary folders of merged weights."""


def served_gguf(cache: Path, sha256: str) -> Path:
    """Where the GGUF of the model with this content is, or will be."""
    return cache / "served" / sha256 / "model-q8_0.gguf"


def refusal(cache: Path, sha256: str) -> str | None:
    """Why this model has no GGUF, if this version of the converter was asked and refused."""
    try:
        found = json.loads((cache / "served" / sha256 / "refused.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return str(found["reason"]) if found.get("converter") == CONVERTER.sha256 else None


def build(cache: Path, sha256: str, base: Path, adapter: Path | None, report: Report) -> dict[str, Any]:
    """Make the GGUF unless it is there: `{"gguf": path}`, or `{"refused": reason}`."""
    target = served_gguf(cache, sha256)
    with locked(cache / "served" / f".{sha256}.lock", report):
        if target.exists():
            return {"gguf": str(target)}
        target.parent.mkdir(parents=True, exist_ok=True)
        for prefix in (MERGED, ARRIVING):
            sweep(target.parent, prefix)
        try:
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=MERGED) as folder:
                model = merge(base, adapter, Path(folder) / "model", "float32") if adapter else base
                to_gguf(model, target, cache, report)
        except ModelRefused as error:
            refused = {"reason": error.why, "converter": CONVERTER.sha256}
            (target.parent / "refused.json").write_text(json.dumps(refused), encoding="utf-8")
            return {"refused": error.why}
    return {"gguf": str(target)}


def main(arguments: list[str]) -> int:
    """The child process; see workbench.engine.models.child for what it prints."""
    parser = argparse.ArgumentParser(prog="served")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path)
    given = parser.parse_args(arguments)
    return child_main(lambda: build(given.cache, given.sha256, given.base, given.adapter, emit_progress))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
