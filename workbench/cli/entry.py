"""The entry point: finds the command, runs it, and turns whatever happens into an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from workbench import __version__
from workbench.cli import (
    chat,
    config,
    dataset,
    decide,
    doctor,
    engine,
    evaluate,
    job,
    model,
    output,
    profile,
    project,
    quickstart,
    serve,
    workbench,
)
from workbench.errors import WorkbenchError

NOUNS = (
    workbench,
    dataset,
    model,
    job,
    chat,
    evaluate,
    decide,
    quickstart,
    project,
    profile,
    config,
    engine,
    serve,
    doctor,
)
_OPTIONS_WITH_VALUE = ("--workspace", "--project")


def common_options(*, suppress: bool) -> argparse.ArgumentParser:
    """The options every command takes; `suppress` for subcommands, so that a value given earlier stays."""
    default = argparse.SUPPRESS if suppress else None
    off = argparse.SUPPRESS if suppress else False
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--workspace",
        metavar="DIR",
        default=default,
        help="workspace folder (else FTWB_HOME, else the user data folder)",
    )
    parent.add_argument("--project", metavar="P", default=default, help="project (else the open one)")
    parent.add_argument(
        "--json", action="store_true", default=off, help="one JSON document on stdout, nothing else there"
    )
    parent.add_argument("--debug", action="store_true", default=off, help="show tracebacks")
    return parent


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="ftwb",
        description="A fine-tuning workbench. `ftwb` alone opens it, `ftwb FILE` opens it on a dataset.",
        parents=[common_options(suppress=False)],
    )
    parser.add_argument("--version", action="version", version=f"ftwb {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    shared = common_options(suppress=True)
    for noun in NOUNS:
        noun.register(commands, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    args = parser.parse_args(_with_open(arguments, parser))
    try:
        return int(args.run(args))
    except WorkbenchError as error:
        if args.debug:
            raise
        return output.failure(args, error)
    except KeyboardInterrupt:
        print("ftwb: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if args.debug:
            raise
        return output.failure(
            args,
            WorkbenchError(
                "unexpected error",
                f"{type(error).__name__}: {error}",
                "run again with --debug and report it",
                code="internal",
            ),
        )


def _with_open(arguments: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """`ftwb` and `ftwb FILE` mean `ftwb open [FILE]`."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    known = set(actions[0].choices)
    skip = False
    for index, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument in _OPTIONS_WITH_VALUE:
            skip = True
        elif argument in ("-h", "--help", "--version"):
            return arguments
        elif argument == "--" or not argument.startswith("-"):
            return arguments if argument in known else [*arguments[:index], "open", *arguments[index:]]
    return [*arguments, "open"]
