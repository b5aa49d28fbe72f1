"""`ftwb deployment`: models of Azure that answer, and what they cost while they do."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, confirm, context_of, count, run_async

TIERS = ("regional", "global", "data-zone", "developer")


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`deployment create|list|delete`."""
    verbs = add_group(commands, shared, "deployment", "Azure deployments: what answers, and what it costs")
    create = add_command(verbs, shared, "create", run_create, "let a tuned model or checkpoint answer; hosting costs")
    create.add_argument("model", metavar="MODEL", help="a fine-tuned model, or a checkpoint (ftchkpt-…)")
    create.add_argument("--name", metavar="N", required=True, help="the deployment's name, which calls ask for")
    create.add_argument("--tier", choices=TIERS, default="global")
    create.add_argument("--capacity", metavar="K", type=count, default=10, help="thousands of tokens a minute")
    create.add_argument("--source", metavar="ID", help="the resource that trained it, where that is another one")
    create.add_argument("--dry-run", action="store_true", help="only what would be sent, and the price")
    create.add_argument("--no-wait", action="store_true", help="do not wait until it has come up")
    create.add_argument("--yes", action="store_true", help="spend without asking")
    add_command(verbs, shared, "list", run_list, "deployments with their meter and their end")
    delete = add_command(verbs, shared, "delete", run_delete, "end a deployment; its model is kept")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="delete without asking")
    for verb in verbs.choices.values():
        verb.add_argument("--profile", metavar="P", help="default: azure, else the one profile that names its resource")


def _context(args: argparse.Namespace) -> Any:
    """The workspace; in `args` the profile that is meant where none is named."""
    from workbench.workflow.deployments import azure_profiles

    context = context_of(args)
    ready = azure_profiles(context)
    args.profile = args.profile or (ready[0] if len(ready) == 1 else "azure")
    return context


def run_create(args: argparse.Namespace) -> int:
    """Price, the same by az, a yes, then create and wait."""
    from workbench.workflow.deployments import create_deployment, hosting, planned, same_by_az

    context = _context(args)
    profile = context.profile(args.profile)
    body = planned(args.model, args.name, args.tier, args.capacity, args.source)
    az = same_by_az(context, args.profile, "create", args.name, body)
    cost = hosting(context, profile, args.model, args.tier)
    output.note(f"the same: {az}")
    if args.dry_run:
        if args.json:
            output.emit_json({"name": args.name, "body": body, "az": az, "cost_per_month": cost})
        else:
            output.say(f"hosting: {output.figure(cost)}, tokens on top")
        return 0
    if not profile.replay:  # a recording makes nothing that could cost
        confirm(args, f"deploy {args.model} as {args.name} for {output.figure(cost)}, tokens on top?")
    with output.ProgressLine() as line:
        made = run_async(
            create_deployment(
                context,
                args.profile,
                args.model,
                args.name,
                tier=args.tier,
                capacity=args.capacity,
                source=args.source,
                wait=not args.no_wait,
                progress=line,
            )
        )
    if args.json:
        output.emit_json(made)
    else:
        output.say(f"{made.name}: {made.status}; ask it with `ftwb chat --model {args.profile}/{made.name} PROMPT`")
        if made.expires:
            output.say(made.expires)
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Deployments, what they cost, when they end."""
    from workbench.workflow.deployments import list_deployments, same_by_az

    context = _context(args)
    az = same_by_az(context, args.profile, "list")
    found = run_async(list_deployments(context, args.profile))
    if args.json:
        output.emit_json({"deployments": found, "az": az})
    else:
        output.note(f"the same: {az}")
        print_deployments(found)
    return 0


def print_deployments(found: Any) -> None:
    """A table, and below it what ends by itself."""
    output.table(
        [
            [one.name, one.model, one.status, one.tier, days(one.age_s), output.figure(one.cost_per_month, 0),
             output.figure(one.cost_so_far)]
            for one in found
        ],
        ["NAME", "MODEL", "STATUS", "TIER", "AGE", "HOSTING A MONTH", "SO FAR"],
    )  # fmt: skip
    for one in found:
        if one.expires:
            output.say(f"{one.name}: {one.expires}")


def run_delete(args: argparse.Namespace) -> int:
    """End a deployment after a yes."""
    from workbench.workflow.deployments import delete_deployment, same_by_az

    context = _context(args)
    az = same_by_az(context, args.profile, "delete", args.name)
    output.note(f"the same: {az}")
    confirm(args, f"delete the deployment {args.name}? Whoever asks it gets no answer any more")
    run_async(delete_deployment(context, args.profile, args.name))
    if args.json:
        output.emit_json({"name": args.name, "deleted": True, "az": az})
    else:
        output.say(f"{args.name} is deleted; its model is kept")
    return 0


def days(seconds: float | None) -> str:
    """An age for people."""
    if seconds is None:
        return "-"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"
