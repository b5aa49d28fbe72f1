"""`ftwb dataset convert`: a dataset in another format."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command

_TARGETS = (
    "chat", "prompt-completion", "text", "alpaca", "sharegpt", "preference", "trl-preference", "unpaired",
    "prompt-only", "reinforcement",
)  # fmt: skip
"""Written out, so that `--help` needs no dataset code; a test holds it against the formats."""


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """The verb."""
    convert = add_command(
        verbs, shared, "convert", run_convert, "write a dataset in another format; refuses what that cannot hold"
    )
    convert.add_argument("source", metavar="IN", help="a file, folder or hf: name, as of `dataset import`")
    convert.add_argument(
        "out", metavar="OUT", help="JSON Lines; packed, or a table, where its name ends so: .gz .zst .csv .tsv .parquet"
    )
    convert.add_argument("--to", required=True, choices=_TARGETS, metavar="FORMAT", help=", ".join(_TARGETS))
    convert.add_argument(
        "--template", metavar="T", help="what becomes of the columns (TOML); guessed where it is needed"
    )
    convert.add_argument("--lossy", action="store_true", help="leave out what the format cannot hold, and say what")
    convert.add_argument(
        "--autotrain", action="store_true", help="use AutoTrain's columns: text, rejected_text, prompt"
    )
    convert.add_argument(
        "--bom", action="store_true", help="begin with a byte order mark, as Azure's documentation asks"
    )


def run_convert(args: argparse.Namespace) -> int:
    """Convert; what is lost is listed, and without `--lossy` nothing is written then."""
    from workbench.dataset.conversion import summary
    from workbench.dataset.formats import Format
    from workbench.workflow.convert import CannotHold, convert_dataset

    try:
        with output.ProgressLine() as line:
            made = convert_dataset(
                args.source,
                Path(args.out),
                Format(args.to),
                template=Path(args.template) if args.template else None,
                lossy=args.lossy,
                autotrain=args.autotrain,
                bom=args.bom,
                progress=_shown(line),
            )
    except CannotHold as error:
        if not args.json:
            raise
        document = {"code": error.code, "message": error.message, "hint": error.hint}
        output.emit_json({"error": document} | output.plain(error.conversion) | {"written": 0})
        output.note(f"ftwb: {error}")
        return error.exit_code
    if args.json:
        output.emit_json(made)
        return 0
    output.say(f"{made.file}: {made.records:,} records, {made.format} ({made.reason})")
    output.say(f"{made.out}: {made.written:,} records, {made.to}")
    for reason in summary(made.dropped):
        output.say(f"left out: {reason}")
    return 0


def _shown(line: output.ProgressLine) -> Callable[[int, int | None], None]:
    """Progress on the line; the end is said by what is printed then."""

    def show(done: int, total: int | None) -> None:
        if done != total:
            line(f"converting, {done / total:.0%}" if total else f"converting, {done:,} rows")

    return show
