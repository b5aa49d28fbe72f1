"""`ftwb profile`: where models are trained and answer."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`profile list`."""
    verbs = add_group(commands, shared, "profile", "where models are trained and answer")
    add_command(verbs, shared, "list", run_list, "all profiles, and what each misses")


def run_list(args: argparse.Namespace) -> int:
    """All profiles, and what each misses."""
    from workbench.providers.profiles import missing

    context = context_of(args)
    found = [
        {
            "name": name,
            "kind": profile.kind,
            "base_url": profile.base_url,
            "configured": (lacking := missing(profile, context.environ)) is None,
            "missing": lacking,
        }
        for name, profile in sorted(context.profiles().items())
    ]
    if args.json:
        output.emit_json({"profiles": found})
    else:
        output.table([[p["name"], p["kind"], p["missing"] or "ready"] for p in found], ["NAME", "KIND", "STATE"])
    return 0
