"""What more than one command reads from its arguments."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

T = TypeVar("T")


def add_command(
    commands: Any, shared: argparse.ArgumentParser, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """A subcommand with the shared options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, parents=[shared], help=summary, description=summary)
    parser.set_defaults(run=run)
    return parser


def add_group(commands: Any, shared: argparse.ArgumentParser, name: str, summary: str) -> Any:
    """A noun whose verbs are subcommands."""
    parser = commands.add_parser(name, parents=[shared], help=summary, description=summary)
    return parser.add_subparsers(dest=f"{name}_command", metavar="VERB", required=True)


def count(text: str) -> int:
    """An argument that counts something: a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def temperature(text: str) -> float:
    """A sampling temperature: finite, from 0."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no temperature: it starts at 0")
    return number


def dollars(text: str) -> float:
    """An amount of US dollars: finite, from 0."""
    number = float(text.removeprefix("$"))
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount of dollars")
    return number


def amount(text: str) -> float:
    """An argument that is an amount of money, time or power: finite, from 0."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount: it starts at 0")
    return number


def context_of(args: argparse.Namespace) -> Context:
    """The workspace that the arguments name."""
    from workbench.workflow.context import open_context

    if args.workspace == "":  # an unset variable in a script must not mean the person's own workspace
        raise WorkbenchError("--workspace", "is empty", "name a folder", code="usage", exit_code=2)
    return open_context(Path(args.workspace) if args.workspace else None)


def project_of(args: argparse.Namespace, context: Context) -> Project:
    """The project that the arguments name, else the open one."""
    from workbench.workflow.project import open_project

    return open_project(context, args.project)


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one asynchronous step to its end."""
    import asyncio  # 30 ms that --version and --help need not pay

    return asyncio.run(coroutine)


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`K=V` arguments as a mapping."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise WorkbenchError(
                f"{option} {text!r}",
                "is not KEY=VALUE",
                "write the name, an equals sign and the value",
                code="usage",
                exit_code=2,
            )
        found[key] = value
    return found


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """`--set KEY=VALUE`: the value is JSON where it is JSON, else the string."""
    read: dict[str, Any] = {}
    for key, value in pairs(texts, "--set").items():
        try:
            read[key] = json.loads(value)
        except json.JSONDecodeError:
            read[key] = value
    return read


def model_of(text: str) -> tuple[str, str]:
    """`PROFILE/MODEL` split at the first slash."""
    profile, slash, model = text.partition("/")
    if not slash or not profile or not model:
        raise WorkbenchError(
            f"model {text!r}", "is not PROFILE/MODEL", "for example local/starter", code="usage", exit_code=2
        )
    return profile, model


def confirm(args: argparse.Namespace, question: str, nothing: str = "nothing was spent") -> None:
    """Ask before money is spent or harm is done; `nothing` is what a no comes to.

    Without a terminal, or with --json, only `--yes` answers.
    """
    if args.yes:
        return
    if args.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WorkbenchError(question, "needs a yes", "add --yes", code="needs_yes", exit_code=2)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise WorkbenchError(question, "was not confirmed", nothing, code="not_confirmed", exit_code=2)
