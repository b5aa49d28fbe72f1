"""`ftwb` and `ftwb open`: the workbench itself."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from workbench.cli.arguments import add_command, context_of, project_of
from workbench.errors import WorkbenchError

MODES = ("datasets", "evaluate", "decide", "jobs", "playground")


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`open [FILE] [--start MODE] [--low-bandwidth]`."""
    parser = add_command(commands, shared, "open", run, "open the workbench, on a dataset if a file is given")
    parser.add_argument("file", nargs="?", metavar="FILE")
    parser.add_argument("--start", choices=MODES, help="the mode to start in (else where you were)")
    parser.add_argument("--low-bandwidth", action="store_true", help="fewer bytes to the terminal (default over SSH)")


def file_of(text: str) -> Path:
    """The dataset that an argument names; raises the sentence for one that is not there."""
    file = Path(text)
    if not file.exists():
        raise WorkbenchError(
            text, "is neither a command nor a file", "see `ftwb --help`", code="unreadable", exit_code=2
        )
    return file


def run(args: argparse.Namespace) -> int:
    """Open the app in this terminal."""
    file = file_of(args.file) if args.file else None
    if args.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkbenchError(
            "the workbench",
            "needs a terminal",
            "use the commands instead: `ftwb --help`",
            code="no_terminal",
            exit_code=2,
        )
    from workbench.terminal.startup import begin_quickly

    begin_quickly(os.environ)
    from workbench.terminal.bandwidth import prepare_environment
    from workbench.terminal.foreign import refuse_foreign_package

    refuse_foreign_package()
    context = context_of(args)
    preferred = context.config.preferences.low_bandwidth
    prepare_environment(os.environ, low_bandwidth=True if args.low_bandwidth else preferred)
    project = project_of(args, context)
    from workbench.app import run as run_app

    return run_app(context, project, start=args.start, file=file)
