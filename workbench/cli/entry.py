"""The entry point: finds the command, runs it, and turns whatever happens into an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from workbench import __version__
from workbench.cli import output
from workbench.errors import WorkbenchError

COMMANDS = {
    "open": "workbench",
    "dataset": "dataset",
    "model": "model",
    "job": "job",
    "chat": "chat",
    "evaluate": "evaluate",
    "run": "run",
    "decide": "decide",
    "quickstart": "quickstart",
    "rescue": "rescue",
    "deployment": "deployment",
    "cleanup": "cleanup",
    "project": "project",
    "profile": "profile",
    "config": "config",
    "engine": "engine",
    "serve": "serve",
    "doctor": "doctor",
}
"""Every command, and the module of `workbench.cli` that has it; only that of the one that is asked for is loaded."""
_OPTIONS_WITH_VALUE = ("--workspace", "--project", "--start")


class Parser(argparse.ArgumentParser):
    """argparse that raises its errors as sentences, and takes no option by half its name: more may come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False} | kwargs)

    def error(self, message: str) -> NoReturn:
        raise WorkbenchError("usage", message, f"see `{self.prog} --help`", code="usage", exit_code=2)


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


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The command line of one command; the whole of it without one."""
    parser = Parser(
        prog="ftwb",
        description="A fine-tuning workbench. `ftwb` alone opens it, `ftwb FILE` opens it on a dataset.",
        parents=[common_options(suppress=False)],
    )
    parser.add_argument("--version", action="version", version=f"ftwb {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    shared = common_options(suppress=True)
    for name in COMMANDS if command is None else (command,):
        importlib.import_module(f"workbench.cli.{COMMANDS[name]}").register(commands, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Until they are parsed, so that a usage error is answered as asked too.
    args = argparse.Namespace(json="--json" in arguments, debug="--debug" in arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter is no reason to stop
    try:
        arguments, command = _with_open(arguments)
        args = build_parser(command).parse_args(arguments)
        code = int(args.run(args))
        sys.stdout.flush()  # here, where it can be told that it failed
        return code
    except WorkbenchError as error:
        return _failed(args, error)
    except KeyboardInterrupt:
        output.note("ftwb: interrupted")
        return 130
    except BrokenPipeError:
        output.leave_stdout()
        return 1
    except OSError as error:
        place = str(error.filename or "ftwb")
        why = (error.strerror or str(error) or type(error).__name__).lower()
        code = _failed(
            args, WorkbenchError(place, why, "check the path, its permissions and the free space", code="os")
        )
        output.leave_stdout()
        return code
    except Exception as error:  # noqa: BLE001 - a fault of ours is a sentence too; --debug shows where
        why = f"{type(error).__name__}: {error}"
        hint = "run again with --debug and report it"
        return _failed(args, WorkbenchError("unexpected error", why, hint, code="internal"))


def _failed(args: argparse.Namespace, error: WorkbenchError) -> int:
    """Say it, after the traceback where `--debug` asks for one."""
    if args.debug:
        import traceback

        traceback.print_exc()
    return output.failure(args, error)


def _with_open(arguments: list[str]) -> tuple[list[str], str | None]:
    """The arguments and their command, None where help on all is asked for.

    `ftwb` and `ftwb FILE` mean `ftwb open [FILE]`; raises the sentence for a word that is neither command nor file. A
    file whose name is that of a command is opened with `ftwb -- FILE`.
    """
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _OPTIONS_WITH_VALUE:
            skip = True
        elif argument in COMMANDS:
            return arguments, argument
        elif argument in ("-h", "--help"):
            return arguments, None
        elif argument == "--version":
            return arguments, "open"
        elif argument == "--":
            break
        elif not argument.startswith("-"):
            from workbench.cli.workbench import file_of

            file_of(argument)
            break
    return ["open", *arguments], "open"
