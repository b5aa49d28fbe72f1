"""`ftwb quickstart`: the whole loop on a bundled sample."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, confirm, context_of, run_async


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`quickstart [--sample NAME]`."""
    parser = add_command(
        commands, shared, "quickstart", run, "the whole loop on a bundled sample, ending in the verdict; resumes"
    )
    parser.add_argument(
        "--sample", metavar="NAME", default="recipes", help="recipes, tickets or languages (default %(default)s)"
    )
    parser.add_argument(
        "--yes", action="store_true", help="spend without asking, where the project trains at a provider"
    )


def run(args: argparse.Namespace) -> int:
    """Run, with progress on stderr."""
    from workbench.cli.decide import print_decision
    from workbench.cli.evaluate_show import print_run
    from workbench.workflow.quickstart import Notice, quickstart

    phase = ""

    def show(notice: Notice) -> None:
        nonlocal phase
        line(f"[{notice.phase}] {notice.text}", phase_changed=notice.phase != phase)
        phase = notice.phase

    def agree(quote: Any) -> None:
        confirm(args, f"train for {output.figure(quote.cost)}?")

    with output.ProgressLine() as line:
        result = run_async(quickstart(context_of(args), args.sample, show, agree))
    if args.json:
        output.emit_json(
            output.plain(result.decision)
            | {"job": result.job, "evaluation": result.evaluation, "seconds": result.seconds}
        )
        return 0
    print_run(result.evaluation)
    output.say()
    print_decision(result.decision)
    output.say("\nseconds: " + ", ".join(f"{name} {spent:.0f}" for name, spent in result.seconds.items()))
    return 0
