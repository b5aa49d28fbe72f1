"""`ftwb job series`: what a job's charts are drawn from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, run_async
from workbench.errors import WorkbenchError


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`job series ID`."""
    series = add_command(verbs, shared, "series", run_series, "every number a job reported, by step, and what is wrong")
    series.add_argument("id", metavar="ID")
    series.add_argument("--csv", metavar="FILE", help="write them as CSV; - writes to standard output")
    series.add_argument("--results", action="store_true", help="those of the provider's result file, not of its events")
    series.add_argument("--smooth", metavar="W", type=_weight, default=0.0, help="moving average, 0 to 0.999")


def _weight(text: str) -> float:
    weight = float(text)
    if not 0 <= weight <= 0.999:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 0.999")
    return weight


def run_series(args: argparse.Namespace) -> int:
    """As a table, CSV or JSON; alerts with their rules on stderr, in JSON beside them."""
    from workbench.workflow.alerts import alerts
    from workbench.workflow.follow import caught_up
    from workbench.workflow.result_files import result_series
    from workbench.workflow.series_table import columns_of, csv_of, rows_of, smoothed, write_csv

    context = context_of(args)
    view = run_async(caught_up(context, args.id))
    reported = run_async(result_series(context, args.id)) if args.results else view.series
    series = {name: smoothed(points, args.smooth) for name, points in reported.items()}
    found = alerts(view)
    if view.trouble:
        output.note(f"note: as far as it was last seen; {view.trouble}")
    if view.job.replay:
        output.note(f"note: recorded: they are of the recording {view.job.replay}")
    if args.csv:
        if args.csv != "-":
            write_csv(Path(args.csv), series, over=True)
        elif args.json:
            raise WorkbenchError("--csv -", "does not go with --json", "name a file", code="usage", exit_code=2)
        else:
            output.say(csv_of(series).rstrip("\n"))
    if args.json:
        origin = "recorded" if view.job.replay else "measured"
        output.emit_json({"job": view.job.id, "origin": origin, "series": series, "alerts": found, "csv": args.csv})
        return 0
    if not args.csv:
        output.table(
            [["" if cell is None else cell for cell in _short(row)] for row in rows_of(series)], columns_of(series)
        )
    for alert in found:
        output.note(f"{alert.name}: {alert.text} (rule: {alert.rule}). {alert.advice}")
    return 0


def _short(row: list[Any]) -> list[Any]:
    return [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row]
