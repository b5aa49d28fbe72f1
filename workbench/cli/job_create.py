"""`ftwb job create` and `job reproduce`: quoted, asked about, made, and with `--wait` seen through."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from workbench.cli import job_after, output
from workbench.cli.arguments import add_command, confirm, context_of, project_of, run_async, settings
from workbench.cli.job_show import show_job, trouble_text
from workbench.errors import WorkbenchError

METHODS = ("sft", "dpo", "orpo", "kto", "reward", "generic", "reinforcement")


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """`job create` and `job reproduce`."""
    create = add_command(verbs, shared, "create", run_create, "start a training job; price and eligibility first")
    create.add_argument("--like", metavar="JOB", help="begin with this job's data, model, method, settings and seed")
    create.add_argument("--profile", metavar="P", help="default: local, or the profile of --like")
    create.add_argument("--model", metavar="M", help="a base model, or a tuned one or checkpoint to go on from")
    create.add_argument("--train", metavar="F", help="needed unless --like has it")
    create.add_argument("--validation", metavar="F")
    create.add_argument("--method", choices=METHODS)
    create.add_argument("--suffix", metavar="S")
    create.add_argument("--seed", metavar="N", type=int)
    create.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="set_",
        help="a hyperparameter or trainer setting",
    )
    create.add_argument(
        "--unset", metavar="KEY", action="append", default=[], help="with --like: leave this setting of the job out"
    )
    create.add_argument("--grader", metavar="FILE", help="for reinforcement: a JSON file, or a .py with grade(…)")
    create.add_argument("--wandb", metavar="[TEAM/]PROJECT", help="report to Weights & Biases, where the profile can")
    create.add_argument("--wandb-name", metavar="N", help="with --wandb: the run's name there")
    create.add_argument("--wandb-tag", metavar="T", action="append", default=[], help="with --wandb: a tag")
    create.add_argument(
        "--dry-run", action="store_true", help="only eligibility and price; exit code 3 if not eligible"
    )
    job_after.register_flags(create)
    create.add_argument("--yes", action="store_true", help="spend without asking")
    create.add_argument("--wait", action="store_true", help="until the job ends; Ctrl-C detaches")
    again = add_command(verbs, shared, "reproduce", run_reproduce, "train again from the exact data and settings")
    again.add_argument("id", metavar="ID")
    again.add_argument("--seed", metavar="N", type=int, help="another seed (default: the job's own)")
    again.add_argument("--yes", action="store_true", help="spend without asking")
    again.add_argument("--wait", action="store_true", help="until the job ends; Ctrl-C detaches")


def run_create(args: argparse.Namespace) -> int:
    """Quote, ask where it can cost money, create."""
    from workbench.workflow.after_quote import agreed_ceiling, quote_after
    from workbench.workflow.quoting import quote_job
    from workbench.workflow.same_by_azd import submitting_by_azd
    from workbench.workflow.train import create_job
    from workbench.workflow.wish import ask

    context = context_of(args)
    request = _request(args, context)

    async def create() -> Any:
        project = project_of(args, context) if args.then_evaluate or not args.dry_run else None
        wish = job_after.wish_of_create(args, project)
        quote = await quote_job(context, request)
        for command in submitting_by_azd(context, request):
            output.note(f"the same: {command}")
        after = None
        if wish is not None and project is not None:
            after = await quote_after(context, project, wish, profile=request.profile, model=request.model)
        if args.dry_run:
            return _show_quote(args, request, quote, after)
        for warning in quote.warnings:
            output.note(f"note: {warning}")
        asked = []
        if quote.needs_yes:
            output.note(f"price: {output.figure_with_source(quote.cost)}")
            if quote.hosting is not None:
                output.note(f"price of hosting: {output.figure_with_source(quote.hosting)}")
            asked.append(f"create a job on {request.profile} for {output.figure(quote.cost)}")
        if wish is not None and after is not None:
            wish = wish.model_copy(update={"max_cost": agreed_ceiling(after, wish.max_cost)})
            if after.needs_yes:
                output.note(job_after.price(after, wish))
                asked.append(f"measure its model for at most {wish.max_cost:,.2f} USD")
        if asked:
            confirm(args, f"{', then '.join(asked)}?")
        also = (lambda job: ask(context, job, wish)) if wish is not None else (lambda _: None)
        owner = project.slug if project else None
        with output.ProgressLine() as line:
            return await create_job(context, request, project=owner, progress=line, also=also)

    made = run_async(create())
    return made if args.dry_run else _show_created(args, context, made)


def _request(args: argparse.Namespace, context: Any) -> Any:
    """What is asked for: from the options alone, or a job's own with the options laid over it."""
    from workbench.workflow.like import Pattern, pattern_of

    if not args.like and args.unset:
        raise WorkbenchError("--unset", "is only for --like", "add --like JOB", code="usage", exit_code=2)
    if not args.like and not args.train:
        hint = "give --train FILE, or --like JOB"
        raise WorkbenchError("job create", "has no training file", hint, code="usage", exit_code=2)
    pattern = run_async(pattern_of(context, args.like)) if args.like else Pattern(profile="local", model="starter")
    context.complete_profile(args.profile or pattern.profile)
    return pattern.request(
        unset=args.unset,
        profile=args.profile,
        model=args.model,
        training_file=Path(args.train) if args.train else None,
        validation_file=Path(args.validation) if args.validation else None,
        method=args.method,
        suffix=args.suffix,
        seed=args.seed,
        settings=_settings(args),
    )


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Those of `--set`, and those that have an option of their own."""
    from workbench.providers.graders import read_grader
    from workbench.providers.integrations import SETTING, wandb

    found = settings(args.set_)
    if args.grader:
        found["grader"] = read_grader(Path(args.grader))
    if args.wandb:
        found[SETTING] = [wandb(args.wandb, name=args.wandb_name, tags=args.wandb_tag)]
    elif args.wandb_name or args.wandb_tag:
        raise WorkbenchError(
            "--wandb-name and --wandb-tag", "are only for --wandb", "add it", code="usage", exit_code=2
        )
    return found


def _show_quote(args: argparse.Namespace, request: Any, quote: Any, after: Any) -> int:
    """What a job would cost and whether it can be had, without creating it."""
    looked_up = quote.eligibility
    if args.json:
        output.emit_json(
            {
                "profile": request.profile,
                "model": request.model,
                "method": request.method,
                "eligible": looked_up.eligible,
                "eligibility": looked_up.findings,
                "cost": quote.cost,
                "hosting": quote.hosting,
                "memory": quote.memory,
                "seconds": quote.seconds,
                "warnings": quote.warnings,
                "needs_yes": quote.needs_yes,
                "after_training": after,
            }
        )
    else:
        output.table([[one.check, one.standing, one.text] for one in looked_up.findings], ["CHECK", "", "FOUND"])
        for source, as_of in dict.fromkeys((one.source, one.as_of) for one in looked_up.findings if one.as_of):
            output.say(f"as of {as_of}: {source}")
        output.say(f"price: {output.figure_with_source(quote.cost)}")
        if quote.hosting is not None:
            output.say(f"price of hosting: {output.figure_with_source(quote.hosting)}")
        if after is not None:
            output.say(f"price of measuring: {output.figure(after.cost, 4)}")
    return 3 if looked_up.eligible is False else 0


def _show_created(args: argparse.Namespace, context: Any, job: Any) -> int:
    """A job that was just created, or with `--wait` how it ended."""
    if not args.wait:
        show_job(args, context, job)
        return 0
    output.note(f"{job.id}: Ctrl-C detaches, the job runs on")
    try:
        job = run_async(_wait(context, job))
    except KeyboardInterrupt:
        output.note(f"{job.id} runs on: see `ftwb job events {job.id} --follow`")
        show_job(args, context, job)
        return 130
    followed = job_after.see_through(args, context, job)
    if job.status == "succeeded":
        return followed
    why = f" ({job.error.message})" if job.error and job.error.message else ""
    output.note(f"ftwb: job {job.id}: ended {job.status}{why}; see `ftwb job events {job.id}`")
    return 1


async def _wait(context: Any, job: Any) -> Any:
    from workbench.workflow.follow import follow
    from workbench.workflow.quickstart import training_notice

    status = ""
    with output.ProgressLine() as line:
        async for view in follow(context, job.id):
            notice = training_notice(view.job.status, view.step, view.total_steps, view.series, view.eta_s)
            trouble = f" ({trouble_text(view)})" if view.trouble else ""
            line(f"{job.id}: {notice.text}{trouble}", phase_changed=view.job.status != status)
            status, job = view.job.status, view.job
    _tell(context, job)
    return job


def _tell(context: Any, job: Any) -> None:
    """Bell, notification and own command when a job that was waited for has ended; the first two on a terminal only."""
    from workbench.workflow.finish import tell

    def write(said: str) -> None:
        sys.stderr.write(said)
        sys.stderr.flush()

    if job.ended:
        tell(context, job, write if sys.stderr.isatty() else None)


def run_reproduce(args: argparse.Namespace) -> int:
    """Train again what a job trained, and say what is not the same."""
    from workbench.workflow.reproduce import other_base, recorded, reproduce_job

    context = context_of(args)

    def agree(quote: Any) -> None:
        if quote.needs_yes:
            confirm(args, f"train {args.id} again for {output.figure(quote.cost)}?")

    job = run_async(reproduce_job(context, args.id, seed=args.seed, agree=agree))
    if difference := other_base(recorded(context, args.id).job, job):
        output.note(f"note: {difference}")
    return _show_created(args, context, job)
