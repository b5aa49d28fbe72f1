"""`ftwb job create --then-evaluate` and `ftwb job evaluate`: the project's task on a job's model once it is there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, confirm, context_of, count, dollars, project_of, run_async
from workbench.cli.job_show import show_job
from workbench.errors import WorkbenchError

_GIVEN = ("checkpoints", "regression", "limit")
"""What is said of the measuring, by its name after `--then-` or alone."""


def register_flags(create: argparse.ArgumentParser) -> None:
    """The flags of `job create`."""
    create.add_argument(
        "--then-evaluate",
        action="store_true",
        help="measure the model on the project's task when the training has succeeded: here with --wait, else by"
        " whichever ftwb is open then",
    )
    _add(create, "then-")


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`job evaluate ID`."""
    parser = add_command(verbs, shared, "evaluate", run_evaluate, "measure a job's model, now or when it is there")
    parser.add_argument("id", metavar="ID")
    _add(parser, "")
    parser.add_argument("--drop", action="store_true", help="take back what was asked")
    parser.add_argument("--yes", action="store_true", help="spend without asking")


def _add(parser: argparse.ArgumentParser, prefix: str) -> None:
    parser.add_argument(
        f"--{prefix}checkpoints",
        action="store_true",
        help="the job's checkpoints too, on the validation side; the best goes to the test set",
    )
    parser.add_argument(
        f"--{prefix}regression", metavar="FILE", help="your questions of general ability (default: the bundled ones)"
    )
    parser.add_argument(f"--{prefix}limit", metavar="N", type=count, help="the first N items only")
    parser.add_argument(
        "--max-cost", metavar="USD", type=dollars, help="what measuring may cost (default: what it is quoted at)"
    )


def wish_of_create(args: argparse.Namespace, project: Any) -> Any:
    """What `job create` was asked to do afterwards; None where nothing. Raises where a flag would do nothing."""
    if args.then_evaluate:
        return _wish(args, project, "then_")
    for name in (*(f"then_{one}" for one in _GIVEN), "max_cost"):
        if getattr(args, name) not in (None, False):
            flag = f"--{name.replace('_', '-')}"
            hint = "add it, or leave this one out"
            raise WorkbenchError(flag, "says something of --then-evaluate", hint, code="usage", exit_code=2)
    return None


def _wish(args: argparse.Namespace, project: Any, prefix: str) -> Any:
    from workbench.workflow.wish import Wish

    questions = getattr(args, f"{prefix}regression")
    return Wish(
        project=project.slug,
        checkpoints=getattr(args, f"{prefix}checkpoints"),
        questions=str(Path(questions).absolute()) if questions else None,
        limit=getattr(args, f"{prefix}limit"),
        max_cost=args.max_cost,
    )


def run_evaluate(args: argparse.Namespace) -> int:
    """Ask for it; where the training has ended, do it."""
    from workbench.workflow.after_quote import agreed_ceiling, quote_after
    from workbench.workflow.job_records import recorded_jobs
    from workbench.workflow.train import find_profile
    from workbench.workflow.train import show_job as ask_for_job
    from workbench.workflow.wish import ask, drop, wish_of

    context = context_of(args)
    run_async(find_profile(context, args.id))
    job = run_async(ask_for_job(context, args.id))
    if args.drop:
        wish = wish_of(context, job.profile, job.id)
        if wish is None or not wish.is_pending:
            hint = "see `ftwb job show`"
            raise WorkbenchError(f"job {job.id}", "has nothing to take back", hint, code="nothing_asked", exit_code=2)
        drop(context, wish, "taken back")
        show_job(args, context, job)
        return 0
    recorded = recorded_jobs(context).get(job.id)
    if args.project is None and recorded is not None and recorded.record.project:
        args.project = recorded.record.project
    project = project_of(args, context)
    wish = _wish(args, project, "")
    quote = run_async(
        quote_after(context, project, wish, profile=job.profile, model=job.model, tuned=job.fine_tuned_model)
    )
    wish = wish.model_copy(update={"max_cost": agreed_ceiling(quote, wish.max_cost)})
    if quote.needs_yes:
        output.note(price(quote, wish))
        confirm(args, f"measure for at most {wish.max_cost:,.2f} USD?")
    ask(context, job, wish)
    if job.ended:
        return see_through(args, context, job)
    show_job(args, context, job)
    return 0


def price(quote: Any, wish: Any) -> str:
    """What measuring can cost, and where it stops."""
    return f"price of measuring: {output.figure(quote.cost, 4)}, stops at {wish.max_cost:,.4f} USD"


def see_through(args: argparse.Namespace, context: Any, job: Any) -> int:
    """Do what was asked to follow a job that has ended, and print both; 1 where it could not be done."""
    from workbench.cli.evaluate import Said
    from workbench.workflow.after_training import Watched, see_through
    from workbench.workflow.wish import wish_of

    wish = wish_of(context, job.profile, job.id)
    if wish is None:
        show_job(args, context, job)
        return 0
    part = ""

    def moved(now: Any) -> None:
        nonlocal part
        if now.part and now.part != part:
            line(f"{job.id}: measuring {now.part}", phase_changed=True)
        elif now.is_pending and now.why:
            line(f"{job.id}: {now.why}", phase_changed=True)
        part = now.part

    try:
        with output.ProgressLine() as line:
            said = Said(line)
            wish = run_async(see_through(context, wish, Watched(moved, said.progress, said.fetching)))
    except KeyboardInterrupt:
        output.note(f"{job.id}: what was answered is kept; it goes on when ftwb is open, or with this command again")
        show_job(args, context, job)
        return 130
    show_job(args, context, job)
    if wish.state != "could-not":
        return 0
    output.note(f"ftwb: measuring after job {job.id}: {wish.why}; {wish.hint or 'try again with `ftwb job evaluate`'}")
    return 1
