"""`ftwb job`: training jobs on every profile."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from workbench.cli import job_after, job_diff, job_series, output
from workbench.cli.arguments import add_command, add_group, confirm, context_of, project_of, run_async, settings
from workbench.cli.job_show import show_job
from workbench.errors import WorkbenchError

METHODS = ("sft", "dpo", "orpo", "kto", "reward", "generic", "reinforcement")


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """All of `ftwb job`."""
    verbs = add_group(commands, shared, "job", "training jobs on every profile")
    _register_create(verbs, shared)
    add_command(verbs, shared, "list", run_list, "the jobs of all profiles")
    add_command(verbs, shared, "show", run_show, "one job").add_argument("id", metavar="ID")
    events = add_command(verbs, shared, "events", run_events, "a job's events, oldest first")
    events.add_argument("id", metavar="ID")
    events.add_argument("--follow", action="store_true", help="until the job ends; JSON lines with --json")
    job_series.register(verbs, shared)
    job_after.register(verbs, shared)
    job_diff.register(verbs, shared)
    attach = add_command(verbs, shared, "attach", run_attach, "follow a run that ftwb did not start")
    attach.add_argument(
        "path", metavar="PATH", help="TensorBoard files, trainer_state.json, results.csv, a log, a folder"
    )
    attach.add_argument("--follow", action="store_true", help="its reports until it is through; JSON lines with --json")
    detach = add_command(verbs, shared, "detach", run_detach, "forget an attached run; its files stay")
    detach.add_argument("id", metavar="ID")
    add_command(verbs, shared, "checkpoints", run_checkpoints, "a job's checkpoints").add_argument("id", metavar="ID")
    for action, summary in (
        ("cancel", "end a job; what it learned so far is discarded"),
        ("pause", "stop at the next step, keeping a checkpoint"),
        ("resume", "go on from the last checkpoint"),
    ):
        add_command(verbs, shared, action, run_action, summary).add_argument("id", metavar="ID")
    add_command(verbs, shared, "lineage", run_lineage, "the data, settings and base that made a model").add_argument(
        "id", metavar="ID"
    )
    again = add_command(verbs, shared, "reproduce", run_reproduce, "train again from the exact data and settings")
    again.add_argument("id", metavar="ID")
    again.add_argument("--seed", metavar="N", type=int, help="another seed (default: the job's own)")
    again.add_argument("--yes", action="store_true", help="spend without asking")
    again.add_argument("--wait", action="store_true", help="until the job ends; Ctrl-C detaches")
    export = add_command(verbs, shared, "export", run_export, "copy a local model out")
    export.add_argument("id", metavar="ID")
    export.add_argument("--to", metavar="DIR", required=True)
    export.add_argument(
        "--merge", action="store_true", help="the adapter merged into its base, instead of the adapter alone"
    )


def _register_create(verbs: Any, shared: argparse.ArgumentParser) -> None:
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


def run_create(args: argparse.Namespace) -> int:
    """Quote, ask where it can cost money, create."""
    from workbench.workflow.after_quote import agreed_ceiling, quote_after
    from workbench.workflow.same_by_azd import submitting_by_azd
    from workbench.workflow.train import create_job, quote_job
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
            output.note(f"price: {output.figure(quote.cost)}")
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
                "memory": quote.memory,
                "seconds": quote.seconds,
                "warnings": quote.warnings,
                "needs_yes": quote.needs_yes,
                "after_training": after,
            }
        )
    else:
        output.table([[one.check, one.standing, one.text] for one in looked_up.findings], ["CHECK", "", "FOUND"])
        output.say(f"price: {output.figure(quote.cost)}")
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
            trouble = f" ({_trouble(view)})" if view.trouble else ""
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


def run_list(args: argparse.Namespace) -> int:
    """The jobs of all profiles, newest first."""
    from workbench.workflow.train import list_jobs

    listed = run_async(list_jobs(context_of(args)))
    for profile, why in listed.unreachable:
        output.note(f"note: {profile} could not be asked ({why}); its recorded jobs are shown")
    if args.json:
        output.emit_json({"jobs": listed.jobs})
    else:
        output.table(
            [
                [
                    job.id,
                    job.profile,
                    job.model,
                    job.status + (" (recorded)" if job.replay else ""),
                    output.when(job.created_at),
                    job.fine_tuned_model or "-",
                ]
                for job in listed.jobs
            ],
            ["ID", "PROFILE", "MODEL", "STATUS", "CREATED", "TUNED MODEL"],
        )
    return 0


def run_show(args: argparse.Namespace) -> int:
    """One job."""
    from workbench.workflow.train import show_job as ask_for_job

    def stale(error: WorkbenchError) -> None:
        output.note(f"note: as it was last seen; {error.message}")

    context = context_of(args)
    job = run_async(ask_for_job(context, args.id, stale=stale))
    show_job(args, context, job, **({} if job.ended else _so_far(args, context, job)))
    return 0


def _so_far(args: argparse.Namespace, context: Any, job: Any) -> dict[str, Any]:
    """What a job that runs has trained and cost until now."""
    from workbench.providers.event_log import EventLog
    from workbench.workflow.follow import view_of
    from workbench.workflow.so_far import so_far
    from workbench.workflow.train import job_folder

    view = view_of(job, EventLog(job_folder(context, job.profile, job.id)).events())
    found = so_far(context, project_of(args, context).document.costs, view)
    return {"tokens_so_far": found.tokens, "cost_so_far": found.cost}


def run_events(args: argparse.Namespace) -> int:
    """Events, from our log and the provider's, oldest first."""
    from workbench.workflow.follow import caught_up

    context = context_of(args)
    if args.follow:
        run_async(_print_events(args, context, args.id))
        return 0
    view = run_async(caught_up(context, args.id))
    if view.trouble:
        output.note(f"note: as far as it was last seen; {view.trouble}")
    if args.json:
        output.emit_json({"events": view.events, "replay": view.job.replay})
    else:
        for event in view.events:
            output.say(f"{output.when(event.created_at)}  {event.level:<5}  {event.message}")
    return 0


async def _print_events(args: argparse.Namespace, context: Any, job_id: str) -> None:
    """Events as they come, until the job ends."""
    from workbench.workflow.follow import follow

    printed, trouble = 0, None
    async for view in follow(context, job_id):
        if view.trouble and view.trouble != trouble:
            output.note(f"note: {_trouble(view)}")
        trouble = view.trouble
        for event in view.events[printed:]:
            if args.json:
                output.emit_json(event, indent=None)
            else:
                output.say(f"{output.when(event.created_at)}  {event.level:<5}  {event.message}")
        printed = len(view.events)


def _trouble(view: Any) -> str:
    """What is in the way, and when it is tried again."""
    from workbench.workflow.outage import outage_text

    if view.outage is None:
        return str(view.trouble)
    return f"{outage_text(view.outage, view.outage.wait_s, now=time.time())} ({view.trouble})"


def run_attach(args: argparse.Namespace) -> int:
    """Take up a run by its files; with `--follow` print what it reports."""
    from workbench.workflow.attach import attach

    context = context_of(args)
    view = run_async(attach(context, Path(args.path)))
    if view.trouble:
        output.note(f"note: {view.trouble}")
    if not args.follow:
        show_job(args, context, view.job)
        return 0
    output.note(f"{view.job.id}: {view.job.metadata['kind']}; Ctrl-C stops looking, the run goes on")
    run_async(_print_events(args, context, view.job.id))
    return 0


def run_detach(args: argparse.Namespace) -> int:
    """Forget an attached run."""
    from workbench.workflow.attach import detach

    job = detach(context_of(args), args.id)
    if args.json:
        output.emit_json({"id": job.id, "path": job.metadata["path"], "detached": True})
    else:
        output.say(f"{job.id} is forgotten; {job.metadata['path']} stays as it is")
    return 0


def run_checkpoints(args: argparse.Namespace) -> int:
    """A job's checkpoints, newest first."""
    from workbench.workflow.train import checkpoints

    found = run_async(checkpoints(context_of(args), args.id))
    if args.json:
        output.emit_json({"checkpoints": found})
    else:
        output.table([[c.step_number, c.fine_tuned_model_checkpoint] for c in found], ["STEP", "MODEL"])
    return 0


def run_action(args: argparse.Namespace) -> int:
    """Cancel, pause or resume."""
    from workbench.workflow.same_by_azd import acting_by_azd
    from workbench.workflow.train import job_action

    context = context_of(args)
    job = run_async(job_action(context, args.id, args.job_command))
    for command in acting_by_azd(context, job.profile, args.job_command, job.id):
        output.note(f"the same: {command}")
    show_job(args, context, job)
    return 0


def run_lineage(args: argparse.Namespace) -> int:
    """What made a model."""
    from workbench.workflow.train import lineage

    found = run_async(lineage(context_of(args), args.id))
    if args.json:
        output.emit_json(found)
    else:
        output.say(json.dumps(output.plain(found), ensure_ascii=False, indent=2))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Copy a local model out."""
    from workbench.workflow.train import export_job

    found = run_async(export_job(context_of(args), args.id, Path(args.to).resolve(), merge=args.merge))
    if args.json:
        output.emit_json(found)
    else:
        output.say(f"{len(found['files'])} files in {found['path']}")
    return 0
