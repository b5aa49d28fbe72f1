"""`ftwb job`: training jobs on every profile."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from workbench.cli import job_after, job_create, job_diff, job_series, output
from workbench.cli.arguments import add_command, add_group, context_of, project_of, run_async
from workbench.cli.job_show import show_job, trouble_text
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """All of `ftwb job`."""
    verbs = add_group(commands, shared, "job", "training jobs on every profile")
    job_create.register(verbs, shared)
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
    export = add_command(verbs, shared, "export", run_export, "copy a local model out")
    export.add_argument("id", metavar="ID")
    export.add_argument("--to", metavar="DIR", required=True)
    export.add_argument(
        "--merge", action="store_true", help="the adapter merged into its base, instead of the adapter alone"
    )


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
    from workbench.workflow.job_records import job_folder
    from workbench.workflow.so_far import so_far

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
        output.emit_json({"events": list(view.events), "replay": view.job.replay})
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
            output.note(f"note: {trouble_text(view)}")
        trouble = view.trouble
        for event in view.events[printed:]:
            if args.json:
                output.emit_json(event, indent=None)
            else:
                output.say(f"{output.when(event.created_at)}  {event.level:<5}  {event.message}")
        printed = len(view.events)


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
