"""`ftwb decide`: the verdict on the newest run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of, count, project_of


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`decide [--requests-per-month N] [--report FILE.md]`."""
    parser = add_command(commands, shared, "decide", run, "the verdict on the newest run, with its reasons")
    parser.add_argument("--requests-per-month", metavar="N", type=count)
    parser.add_argument("--report", metavar="FILE.md", help="write the decision as a Markdown report")


def run(args: argparse.Namespace) -> int:
    """Judge, print, and write the report where one is asked for."""
    from workbench.workflow.judge import judge, write_report

    context = context_of(args)
    project = project_of(args, context)
    decision = judge(context, project, requests_per_month=args.requests_per_month)
    if args.report:
        write_report(context, project, decision, Path(args.report))
        output.note(f"report written to {args.report}")
    if args.json:
        output.emit_json(decision)
    else:
        print_decision(decision)
    return 0


def print_decision(decision: Any) -> None:
    """The verdict, why, and what is missing."""
    output.say(f"{decision.verdict}  ({decision.stage})")
    for reason in decision.reasons:
        output.say(f"  - {reason.text}")
    for gap in decision.missing:
        output.say(f"  missing: {gap.what}\n    {gap.command}")
    if decision.break_even is None:
        output.say(f"  break-even: not measured ({decision.no_break_even})")
        return
    paid = decision.break_even
    output.say(f"  break-even: {paid.requests_per_month:,.0f} requests a month, by {paid.date or 'no date'}")
