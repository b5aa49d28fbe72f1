"""`ftwb engine`: the local engine's process."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of, run_async


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`engine start|stop|status|machine`."""
    verbs = add_group(commands, shared, "engine", "the local engine's process")
    start = add_command(verbs, shared, "start", run_start, "start it, if it is not running")
    start.add_argument("--take-over", action="store_true", help="also from another host's engine that has gone silent")
    stop = add_command(verbs, shared, "stop", run_stop, "stop it")
    stop.add_argument(
        "--jobs",
        choices=("keep", "pause", "cancel"),
        default="keep",
        help="what becomes of running jobs (default: they train on)",
    )
    add_command(verbs, shared, "machine", run_machine, "how busy processors, memory and GPUs are")
    add_command(verbs, shared, "status", run_status, "whether it runs; never starts it")


def run_start(args: argparse.Namespace) -> int:
    """Start the engine, if it is not running."""
    return _print(args, run_async(context_of(args).engine.ensure(take_over=args.take_over)))


def run_stop(args: argparse.Namespace) -> int:
    """Stop the engine; a stopped one is no error."""
    engine = context_of(args).engine
    run_async(engine.stop(args.jobs))
    return _print(args, engine.status())


def run_status(args: argparse.Namespace) -> int:
    """Whether it runs, and what it does."""
    return _print(args, context_of(args).engine.status())


def run_machine(args: argparse.Namespace) -> int:
    """What training has here, and what it uses; starts nothing."""
    import time

    from workbench.workflow.machine import Look, machine_text

    look = Look(context_of(args).environ)
    look()
    time.sleep(0.2)  # a load is one between two looks
    machine = look()
    if args.json:
        output.emit_json(machine)
    else:
        output.say(machine_text(machine))
    return 0


def _print(args: argparse.Namespace, status: Any) -> int:
    if args.json:
        output.emit_json(status)
        return 0
    output.say(status.status)
    for key, value in output.plain(status).items():
        if key != "status" and value is not None:
            output.say(f"  {key:<9}  {value}")
    return 0
