"""`ftwb model`: base and tuned models."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of, run_async
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`model list|pull`."""
    verbs = add_group(commands, shared, "model", "base and tuned models")
    listing = add_command(verbs, shared, "list", run_list, "the models of a profile")
    listing.add_argument("--profile", metavar="P", default="local")
    pull = add_command(verbs, shared, "pull", run_pull, "fetch a base model for the local engine")
    pull.add_argument("name", metavar="NAME", help="starter, or a hub id")


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
