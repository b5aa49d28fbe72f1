"""`ftwb cleanup`: what lingers at providers, how old it is, what it costs; deletes only what is named."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, confirm, context_of, run_async
from workbench.cli.deployment import days, print_deployments


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`cleanup`."""
    parser = add_command(
        commands, shared, "cleanup", run_cleanup, "deployments, models and files at providers, with age and cost"
    )
    parser.add_argument("--profile", metavar="P", action="append", default=[], help="only this one (else all hosted)")
    parser.add_argument("--delete", metavar="ID", nargs="+", default=[], help="delete these, and nothing else")
    parser.add_argument("--yes", action="store_true", help="delete without asking")


def run_cleanup(args: argparse.Namespace) -> int:
    """Look; with --delete and a yes delete what is named."""
    from workbench.workflow.cleanup import delete, deleted_by_az, leftovers, named

    context = context_of(args)
    found = run_async(leftovers(context, args.profile))
    for note in found.notes:
        output.note(f"note: {note}")
    deleted: list[str] = []
    az: list[str] = []
    if args.delete:
        chosen = named(found, args.delete)
        az = deleted_by_az(context, chosen)
        for command in az:
            output.note(f"the same: {command}")
        confirm(args, f"delete for good: {', '.join(f'{kind} {name}' for _, kind, name in chosen)}?")
        try:
            run_async(delete(context, chosen, done=deleted.append))
        finally:
            for name in deleted:
                output.note(f"deleted {name}")
    if args.json:
        output.emit_json(
            {
                "deployments": found.deployments,
                "models": found.models,
                "files": found.files,
                "cost_per_month": found.cost_per_month,
                "deleted": deleted,
                "az": az,
            }
        )
    elif not args.delete:
        _print(found)
    return 0


def _print(found: Any) -> None:
    if found.deployments:
        print_deployments(found.deployments)
        output.say(f"hosting: {output.figure(found.cost_per_month)}\n")
    for title, rows in (("MODEL", found.models), ("FILE", found.files)):
        if rows:
            output.table(
                [
                    [one.id, one.profile, days(one.age_s), f"{one.size / 1e6:,.2f} MB" if one.size else "-",
                     one.about, one.used_by or "-"]
                    for one in rows
                ],
                [title, "PROFILE", "AGE", "SIZE", "ABOUT", "USED BY"],
            )  # fmt: skip
            output.say()
    if not (found.deployments or found.models or found.files):
        output.say("nothing lingers")
