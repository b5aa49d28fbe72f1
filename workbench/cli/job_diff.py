"""`ftwb job diff`: two jobs beside each other."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, project_of, run_async


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`job diff ID ID`."""
    diff = add_command(verbs, shared, "diff", run_diff, "what changed between two jobs: data, settings, results")
    diff.add_argument("one", metavar="ID")
    diff.add_argument("other", metavar="ID")


def run_diff(args: argparse.Namespace) -> int:
    """As a table of three columns, or JSON; the older job first, however they were named."""
    from workbench.workflow.follow import caught_up
    from workbench.workflow.job_diff import diff_jobs, diff_rows

    context = context_of(args)
    project = project_of(args, context)
    views = (run_async(caught_up(context, args.one)), run_async(caught_up(context, args.other)))
    found = diff_jobs(context, project, views)
    if args.json:
        output.emit_json(
            {
                "old": found.old,
                "new": found.new,
                "data": [dataclasses.asdict(one) | {"identical": one.identical} for one in found.data],
                "settings": [dataclasses.asdict(one) for one in found.settings],
                "numbers": [dataclasses.asdict(one) for one in found.numbers],
                "run": found.run,
                "comparison": found.comparison.model_dump(mode="json") if found.comparison is not None else None,
                "missing": found.missing,
            }
        )
        return 0
    rows = diff_rows(found)
    width = max(len(row[0]) for row in rows if any(row[1:]))
    middle = max(len(row[1]) for row in rows)
    for what, old, new in rows:
        output.say(f"{what:<{width}}  {old:<{middle}}  {new}".rstrip())
    return 0
