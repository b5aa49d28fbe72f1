"""`ftwb decide`: the verdict on the newest run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, amount, context_of, count, project_of

_COSTS = (
    ("--hardware-per-hour", "hardware_per_hour", "your own machine: dollars for an hour, rented or written off"),
    ("--watts", "watts", "what it draws while it works"),
    ("--per-kwh", "per_kwh", "dollars for a kilowatt hour"),
    ("--data-hours", "data_hours", "hours spent on preparing the training data"),
    ("--rate", "hourly_rate", "dollars for an hour of that work"),
    ("--retrain-months", "retrain_months", "the model is trained again every so many months"),
)
"""Option, field of the project's costs, help."""
_TIERS = ("global", "data-zone", "regional", "developer")
"""As `catalog.prices.TIERS`, which `--help` does not load."""


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`decide [--requests-per-month N] [--report FILE.md]`, and what only a person knows of the costs."""
    parser = add_command(commands, shared, "decide", run, "the verdict on the newest run, with its reasons")
    parser.add_argument("--requests-per-month", metavar="N", type=count)
    parser.add_argument(
        "--report", metavar="FILE.md", help="write the decision as a Markdown report, its charts beside it"
    )
    for option, field, text in _COSTS:
        parser.add_argument(option, dest=field, metavar="X", type=amount, help=text)
    parser.add_argument(
        "--always-on", action=argparse.BooleanOptionalAction, help="the machine is paid for whether it works or not"
    )
    parser.add_argument("--tier", choices=_TIERS, help="Azure's kind of deployment and training (default: global)")
    parser.add_argument("--run", dest="run_id", metavar="RUN", help="judge this run instead of the newest")
    parser.add_argument("--recompute", action="store_true", help="work its figures out again from the stored answers")
    parser.add_argument("--remember", action="store_true", help="keep volume and costs with the project")


def run(args: argparse.Namespace) -> int:
    """Judge, print, and write the report where one is asked for."""
    from workbench.workflow.judge import judge, write_report
    from workbench.workflow.project import remember_costs, with_costs

    context = context_of(args)
    project = project_of(args, context)
    said = {field: getattr(args, field) for _, field, _ in _COSTS} | {"always_on": args.always_on, "tier": args.tier}
    costs = with_costs(project.document.costs, {name: value for name, value in said.items() if value is not None})
    if args.remember:
        project = remember_costs(context, project, costs, args.requests_per_month)
    decision = judge(
        context,
        project,
        requests_per_month=args.requests_per_month,
        run_id=args.run_id,
        costs=costs,
        recompute=args.recompute,
    )
    if args.report:
        for path in write_report(context, project, decision, Path(args.report), recompute=args.recompute):
            output.note(f"written to {path}")
    if args.json:
        output.emit_json(decision)
    else:
        print_decision(decision)
    return 0


def print_decision(decision: Any) -> None:
    """The verdict, why, what is missing, what each candidate costs, and break-even."""
    from workbench.cli.run_show import votes_text
    from workbench.decide.report_costs import LEGEND, candidate_costs, sensitivity_rows

    output.say(f"{decision.verdict}  ({decision.stage})")
    for reason in decision.reasons:
        output.say(f"  - {reason.text}")
    for one in decision.votes:
        output.say(f"  {votes_text(one)}")
    for gap in decision.missing:
        output.say(f"  missing: {gap.what}\n    {gap.command}")
    if any(row.costs for row in decision.candidates):
        output.say()
        head, rows = candidate_costs(decision)
        output.table(rows, [word.upper() for word in head])
        output.say(f"  {LEGEND}")
        output.say()
    if decision.break_even is None:
        known = "never" if decision.never_pays else "not measured"
        output.say(f"  break-even: {known} ({decision.no_break_even})")
        return
    paid = decision.break_even
    output.say(
        f"  break-even: {paid.requests_per_month:,.0f} requests a month, by {paid.date or 'no date'} ({paid.origin})"
    )
    for row in sensitivity_rows(paid):
        output.say("    " + "  ".join(row))
