"""`ftwb config`: what a person sets."""

from __future__ import annotations

import argparse
import contextlib
import json
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`config get|set|list`."""
    verbs = add_group(commands, shared, "config", "what you set: preferences, keys, profiles")
    add_command(verbs, shared, "get", run_get, "one setting").add_argument("key", metavar="KEY")
    change = add_command(verbs, shared, "set", run_set, "change one setting")
    change.add_argument("key", metavar="KEY")
    change.add_argument("value", metavar="VALUE", help="a JSON value, else a string")
    add_command(verbs, shared, "list", run_list, "all settings")


def run_get(args: argparse.Namespace) -> int:
    """One setting."""
    from workbench.workflow.config import settable_keys

    known = settable_keys(context_of(args).config)
    if args.key not in known:
        raise WorkbenchError(
            args.key, "is not set and has no default", "see `ftwb config list`", code="unknown_key", exit_code=2
        )
    return _print(args, args.key, known[args.key])


def run_set(args: argparse.Namespace) -> int:
    """Change one setting."""
    from workbench.workflow.config import Config, settable_keys, with_value

    value = args.value
    if not args.key.startswith("keymap."):  # there `5` is a key
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(value)
    context = context_of(args)
    config = context.store.update("config.toml", Config, lambda now: with_value(now, args.key, value))
    return _print(args, args.key, settable_keys(config).get(args.key))


def run_list(args: argparse.Namespace) -> int:
    """All settings."""
    from workbench.workflow.config import settable_keys

    known = settable_keys(context_of(args).config)
    if args.json:
        output.emit_json({"config": known})
    else:
        output.table([[key, json.dumps(value)] for key, value in sorted(known.items())], ["KEY", "VALUE"])
    return 0


def _print(args: argparse.Namespace, key: str, value: Any) -> int:
    if args.json:
        output.emit_json({"key": key, "value": value})
    else:
        output.say(json.dumps(value, ensure_ascii=False))
    return 0
