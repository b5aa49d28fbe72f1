"""`ftwb doctor`: what works here and what to do about the rest."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, context_of


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`doctor`."""
    add_command(
        commands,
        shared,
        "doctor",
        run,
        "what works here and what to do about the rest; exit code 3 if something does not",
    )


def run(args: argparse.Namespace) -> int:
    """Look, and say."""
    from workbench.workflow.doctor import doctor

    checks = doctor(context_of(args))
    if args.json:
        output.emit_json({"checks": checks})
    else:
        for check in checks:
            output.say(f"{'ok  ' if check.ok else 'FIX '} {check.name}: {check.detail}")
            if check.fix:
                output.say(f"     {check.fix}")
    return 0 if all(check.ok for check in checks) else 3
