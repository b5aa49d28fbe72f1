"""`ftwb dataset import`: rows of any source to records, through a template."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import output
from workbench.cli.arguments import add_command
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.sources import ColumnMapping, Source
    from workbench.workflow.importing import Imported

_LISTED = 20  # rows without a place that are listed one by one for people; --json has all


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`dataset import`."""
    command = add_command(
        verbs, shared, "import", run_import, "make records of a CSV, TSV, Parquet, Arrow, JSON or Hugging Face dataset"
    )
    command.add_argument(
        "spec",
        metavar="SPEC",
        help="a file (also .gz, .zst), a folder that save_to_disk wrote, or hf:ORG/NAME[:CONFIG[:SPLIT]]",
    )
    command.add_argument("out", metavar="OUT", help="the JSON Lines file to write")
    command.add_argument(
        "--template",
        metavar="T",
        help="what becomes of the columns (TOML, or an AutoTrain config); guessed if left out",
    )
    command.add_argument("--write-template", metavar="T", help="keep the template that was used here")


def run_import(args: argparse.Namespace) -> int:
    """Import; exit code 1 where no row became a record."""
    from workbench.dataset.sources import dump_mapping, open_source, read_mapping
    from workbench.workflow.importing import import_dataset

    given = read_mapping(Path(args.template)) if args.template else None
    source = open_source(args.spec, given.source if given is not None else None)
    for sniffed in source.described:
        output.note(str(sniffed))
    mapping = given if given is not None else _guessed(source)
    text = dump_mapping(mapping)
    if given is None and not args.write_template:
        output.note("--- template (keep it with --write-template T.toml) ---\n" + text + "---")
    if args.write_template:
        _keep(Path(args.write_template), text)
    with output.ProgressLine() as line:
        imported = import_dataset(source, mapping, Path(args.out), _progress(line))
    _say(args, imported)
    return 0 if imported.written else 1


def _guessed(source: Source) -> ColumnMapping:
    from workbench.workflow.importing import guess_mapping

    guessed = guess_mapping(source)
    if guessed is None:
        listed = ", ".join(column.name for column in source.columns)
        raise WorkbenchError(
            source.spec,
            f"no template can be guessed from the columns {listed}",
            "say what becomes of them: --template T.toml",
            code="no_template",
        )
    output.note(f"template: guessed ({guessed.reason})")
    return guessed.mapping


def _keep(path: Path, text: str) -> None:
    from workbench.dataset.rows.save import write_atomically

    write_atomically(path, [text.encode()])
    output.note(f"template: written to {path}")


def _progress(line: output.ProgressLine) -> Any:
    def show(done: int, total: int | None) -> None:
        line(f"reading, {done / total:.0%}" if total else f"reading, {done:,} rows")

    return show


def _say(args: argparse.Namespace, imported: Imported) -> None:
    if args.json:
        output.emit_json(imported)
        return
    for one in imported.unplaced[:_LISTED]:
        place = f"line {one.line}" if one.line is not None else f"row {one.number}"
        output.say(f"{place}: {one.reason}")
    if len(imported.unplaced) > _LISTED:
        output.say(f"… and {len(imported.unplaced) - _LISTED:,} more; --json lists all")
    count = f"{len(imported.unplaced):,} of {imported.records:,} rows found no place"
    if imported.written:
        output.say(f"{args.out}: {imported.written:,} records written; {count}")
    else:
        most = Counter(one.reason for one in imported.unplaced).most_common(1)
        output.say(f"nothing written: {count}" + (f", most often: {most[0][0]}" if most else ""))
