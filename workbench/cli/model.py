"""`ftwb model`: base and tuned models."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of, run_async
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`model list|pull|prices`."""
    verbs = add_group(commands, shared, "model", "base and tuned models")
    listing = add_command(verbs, shared, "list", run_list, "the models of a profile")
    listing.add_argument("--profile", metavar="P", default="local")
    pull = add_command(verbs, shared, "pull", run_pull, "fetch a base model for the local engine")
    pull.add_argument("name", metavar="NAME", help="starter, or a hub id")
    prices = add_command(
        verbs, shared, "prices", run_prices, "what models cost: your own prices, fetched ones, the table"
    )
    prices.add_argument("--profile", metavar="P", help="only those of this profile or provider")
    prices.add_argument("--model", metavar="M", help="only those of this model")
    prices.add_argument(
        "--refresh", action="store_true", help="ask Azure's retail price list first, and keep its answer"
    )
    prices.add_argument("--from", dest="address", metavar="URL", help="with --refresh: a copy of that list")


def run_list(args: argparse.Namespace) -> int:
    """The models of a profile."""

    async def listed() -> list[Any]:
        from workbench.providers.models import list_models

        context = context_of(args)
        async with await context.client(args.profile) as client:
            return list(await list_models(client, context.profile(args.profile)))

    models = run_async(listed())
    if args.json:
        output.emit_json({"models": models})
    else:
        output.table(
            [
                [m.id, m.kind, f"{m.size / 1e6:,.0f} MB" if m.size else "-", ",".join(m.methods), m.retires or "-"]
                for m in models
            ],
            ["MODEL", "KIND", "SIZE", "METHODS", "RETIRES"],
        )
    return 0


def run_pull(args: argparse.Namespace) -> int:
    """Fetch a model, with progress on stderr."""
    from workbench.workflow.quickstart import pull_notice

    last: dict[str, Any] = {}

    async def pull() -> None:
        context = context_of(args)
        async for step in context.engine.stream_call("POST", "pull", {"model": args.name}):
            changed = step.get("phase") != last.get("phase")
            last.update(step)
            line(f"{args.name}: {output.fetched(pull_notice('model', step))}", phase_changed=changed)

    with output.ProgressLine() as line:
        run_async(pull())
    if last.get("phase") != "ready":
        raise WorkbenchError(
            f"model {args.name!r}", "was not fetched to its end", "run it again", code="pull_broke_off"
        )
    if args.json:
        output.emit_json({"id": last.get("id"), "path": last.get("path")})
    else:
        output.say(f"{last.get('id')} is ready in {last.get('path')}")
    return 0


def run_prices(args: argparse.Namespace) -> int:
    """The prices known here, each with where it comes from; with --refresh what a newer list says otherwise."""
    from workbench.workflow.prices import known_prices, refresh_prices

    context = context_of(args)
    if args.address and not args.refresh:
        raise WorkbenchError("--from", "is only for --refresh", "add --refresh", code="usage", exit_code=2)
    refreshed = refresh_prices(context, args.address) if args.refresh else None
    known = known_prices(context, profile=args.profile, model=args.model)
    if args.json:
        document: dict[str, Any] = {"prices": known}
        if refreshed is not None:
            fetched = refreshed.fetched
            document |= {"fetched_on": fetched.fetched_on, "changes": refreshed.changes, "doubtful": fetched.doubtful}
        output.emit_json(document)
        return 0
    if refreshed is not None:
        fetched = refreshed.fetched
        output.note(f"{len(fetched.entries)} entries of {fetched.fetched_on} kept in {refreshed.path}")
        for change in refreshed.changes:
            before = "not known" if change.before is None else f"{change.before:g}"
            tuned = {True: ", tuned", False: ", base", None: ""}[change.tuned]
            output.note(f"{change.model}{tuned}, {change.tier}: {change.what} {before} -> {change.after:g}")
        for sentence in fetched.doubtful:
            output.note(f"left out: {sentence}")
    output.table(
        [
            [one.provider, one.model, one.kind, one.tier or "-", one.what, f"{one.figure.value:g}", one.figure.unit,
             one.figure.as_of or "-", one.figure.source or "-"]
            for one in known
        ],
        ["PROVIDER", "MODEL", "KIND", "TIER", "PRICE OF", "USD", "UNIT", "AS OF", "SOURCE"],
    )  # fmt: skip
    return 0
