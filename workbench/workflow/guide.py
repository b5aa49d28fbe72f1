"""What to do next, in one line: the loop as far as this project has come."""

from __future__ import annotations

from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import RunResult
from workbench.workflow.context import Context
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.project import Project
from workbench.workflow.runs import list_runs
from workbench.workflow.wish import wishes


def next_step(context: Context, project: Project) -> str:
    """One sentence that names the mode and the key. Reads only the workspace: no engine, no network."""
    if not project.files:
        return "Datasets (1): open a file with o, or make a project from a sample with ctrl+p"
    if not project.document.task.test:
        return "Look through the records (1), then train (4, n); with no test set nothing can be measured"
    if any(wish.state == "running" and wish.project == project.slug for wish in wishes(context)):
        return "The model is trained, and is being measured by itself: see how far with 4"
    runs = [run for run in list_runs(context, project, "test") if _measured(run)]
    if not runs:
        return "Look through the records, then measure the untuned baselines: 2, then r"
    jobs = [
        one.job
        for one in recorded_jobs(context).values()
        if one.record.project == project.slug and one.job.replay is None
    ]
    running = [job for job in jobs if not job.ended]
    if running:
        return f"{running[-1].id} is training: watch it with 4"
    tuned = {f"{job.profile}/{job.fine_tuned_model}" for job in jobs if job.fine_tuned_model}
    if not tuned:
        if project.document.verdicts and project.document.verdicts[-1].verdict == "do-not-fine-tune":
            return "The verdict is in: an untuned candidate does it. Read why with 3"
        return "Baselines are measured: weigh them with 3, or train with 4, then n"
    measured = {candidate.candidate for candidate in runs[0].candidates}
    if not tuned & measured:
        return "The model is trained: measure it on the same items with 2, then r"
    return "Read the verdict with 3, or talk to both models with 5"


def _measured(run: RunResult) -> bool:
    """Something in it was measured: what a recording says moves the loop nowhere."""
    models = [row for row in run.candidates if not parse_candidate(row.candidate).is_trivial]
    return not run.recorded or any(not row.recorded for row in models)
