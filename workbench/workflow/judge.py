"""Judging: the newest run, what is known of the training, and the person's answers, into one decision."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from workbench.catalog.models import Lifecycle, lifecycle
from workbench.decide.decision import Decision, Kind, TrainingFacts
from workbench.decide.verdict import decide
from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import RunResult
from workbench.evaluate.summary import summarise
from workbench.workflow.context import Context
from workbench.workflow.costing import Costing, training_seconds
from workbench.workflow.job_records import RecordedJob, recorded_jobs
from workbench.workflow.project import Costs, Project, ProjectDocument, VerdictRecord
from workbench.workflow.runs import list_runs, run_items
from workbench.workflow.votes import preferences

if TYPE_CHECKING:
    from workbench.providers.jobs import Job

VERDICTS_KEPT = 50


def judge(
    context: Context,
    project: Project,
    requests_per_month: int | None = None,
    *,
    run_id: str | None = None,
    costs: Costs | None = None,
    recompute: bool = False,
) -> Decision:
    """The verdict on the project's newest run, or on the one that is named, kept in the project.

    Volume and `costs` are those of the project where nothing else is said. `recompute` works the run's figures out
    again from the answers that it stored.
    """
    run = _chosen(context, project, run_id)
    if run is not None and recompute:
        run = recomputed(context, project, run)
    jobs = recorded_jobs(context)
    tuned = {f"{one.job.profile}/{one.job.fine_tuned_model}": one for one in jobs.values() if one.job.fine_tuned_model}
    kinds = {row.candidate: kind_of(row.candidate, tuned) for row in run.candidates} if run else {}
    kinds |= dict.fromkeys(_repetitions(run, tuned), "seed")
    trained = _training_of(project, run, tuned, jobs)
    said = costs or project.document.costs
    requests = requests_per_month if requests_per_month is not None else project.document.requests_per_month
    costing = Costing.of(context, said, requests)
    made = {row.candidate: tuned[_model_of(row.candidate)] for row in run.candidates
            if _model_of(row.candidate) in tuned} if run else {}  # fmt: skip
    decision = decide(
        run,
        task=project.task,
        candidates_kind=kinds,
        answers=project.document.checklist,
        requests_per_month=requests,
        training=_facts(context, trained, costing) if trained else None,
        lifecycle=_lifecycle(context, trained.job) if trained else None,
        costs=costing.bills(run, kinds, made) if run else None,
        retrain_months=said.retrain_months,
        regression=_regression(context, project, run),
    )
    if run is not None:
        decision.votes = preferences(context, project, run)
    _keep(context, project, decision)
    return decision


def _chosen(context: Context, project: Project, run_id: str | None) -> RunResult | None:
    runs = list_runs(context, project)
    if run_id is None:
        runs = [one for one in runs if one.side == "test"]
    run = next((one for one in runs if run_id in (None, one.run)), None)
    if run is not None and run.side != "test":
        why = {
            "validation": "is on the validation side: who was chosen by it looks too good in it",
            "regression": "is about general ability, not about the task",
            "imported": "was measured by another program, on its own items",
        }[run.side]
        raise WorkbenchError(f"run {run.run}", why, "judge a run on the test set", code="not_a_test_run")
    if run is None and run_id is not None:
        names = ", ".join(one.run for one in runs[:5]) or "none"
        raise WorkbenchError(f"run {run_id!r}", "is not one of the project", f"its runs: {names}", code="unknown_run")
    return run


def _regression(context: Context, project: Project, run: RunResult | None) -> RunResult | None:
    """The run on general ability that the judged one names."""
    if run is None or run.regression is None:
        return None
    return next((one for one in list_runs(context, project, "regression") if one.run == run.regression), None)


def recomputed(context: Context, project: Project, run: RunResult) -> RunResult:
    """The run with every figure worked out again from its stored answers: nothing is asked, nothing is started."""
    rows = run_items(context, project, run.run)
    if not rows:
        raise WorkbenchError(
            f"run {run.run!r}", "has no stored answers", "decide on it without --recompute", code="no_answers"
        )
    leaked = None if run.leaked_exact is None else (run.leaked_exact, run.leaked_near or 0)
    again = summarise(
        rows,
        [row.candidate for row in run.candidates],
        run=run.run,
        test_sha256=run.test_sha256,
        task=run.task,
        items=run.items,
        items_in_file=run.items_in_file,
        repeat=run.repeat,
        created_at=run.created_at,
        leaked=leaked,
        seeds=[dict(zip([one.candidate, *one.siblings], one.seeds, strict=False)) for one in run.seeds],
        judge=run.judge,
    )
    return RunResult.model_validate(run.model_dump() | again.model_dump(exclude_unset=True))


def kind_of(candidate: str, tuned: dict[str, RecordedJob]) -> Kind:
    """Trivial, tuned or untuned: by our own jobs, else by the names that providers give tuned models."""
    parsed = parse_candidate(candidate)
    if parsed.is_trivial:
        return "trivial"
    named = parsed.model.startswith("ft:") or ".ft-" in parsed.model
    return "tuned" if named or _model_of(candidate) in tuned else "untuned"


def _repetitions(run: RunResult | None, tuned: Mapping[str, RecordedJob]) -> list[str]:
    """Candidates whose job differs by its seed alone from that of an earlier candidate of the run.

    Whoever chose the best of them would fish: the one that the seeds were trained for is judged, else the first.
    """
    if run is None:
        return []
    named = [spread.candidate for spread in run.seeds]
    judged: dict[str, str] = {}
    repeated = []
    for text in dict.fromkeys([*named, *(row.candidate for row in run.candidates)]):
        if (made := tuned.get(_model_of(text))) is not None:
            root = made.record.again or made.job.id
            if judged.setdefault(root, made.job.id) != made.job.id:
                repeated.append(text)
    return repeated


def _model_of(candidate: str) -> str:
    """`PROFILE/MODEL` of a candidate, without its technique and the step of a checkpoint."""
    parsed = parse_candidate(candidate)
    return f"{parsed.profile}/{parsed.model.split(':ckpt-step-')[0]}"


def write_report(
    context: Context, project: Project, decision: Decision, path: Path, *, recompute: bool = False
) -> list[Path]:
    """The decision as Markdown, its charts as SVG files beside it; returns what was written.

    `recompute` as in `judge`: the run's comparisons come from its stored answers, too.
    """
    from workbench.decide.charts import costs_svg, scores_svg
    from workbench.decide.report import Charts, markdown

    run = next((one for one in list_runs(context, project) if one.run == decision.run), None)
    if run is not None and recompute:
        run = recomputed(context, project, run)
    pictures: dict[Path, str] = {}
    scores, costs = (path.with_name(f"{path.stem}-{name}.svg") for name in ("scores", "costs"))
    if decision.candidates:
        pictures[scores] = scores_svg(decision)
    if decision.break_even is not None:
        pictures[costs] = costs_svg(decision.break_even, decision.decided_on)
    charts = Charts(*(quote(file.name) if file in pictures else None for file in (scores, costs)))
    text = markdown(decision, run, title=f"{project.title}: should we fine-tune?", charts=charts)
    try:
        for file, content in {**pictures, path: text}.items():
            file.write_text(content, encoding="utf-8")
        return [path, *pictures]
    except OSError as error:
        raise WorkbenchError(
            str(path), f"cannot be written ({error.strerror})", "choose another path", code="unwritable"
        ) from error


def _training_of(
    project: Project, run: RunResult | None, tuned: dict[str, RecordedJob], jobs: dict[str, RecordedJob]
) -> RecordedJob | None:
    """The job of the tuned candidate that the run measured, else the project's newest one that succeeded."""
    for row in run.candidates if run else []:
        if (made := tuned.get(_model_of(row.candidate))) is not None:
            return made
    ours = [one for one in jobs.values() if one.record.project == project.slug and one.job.status == "succeeded"]
    return max(ours, key=lambda one: one.job.created_at or 0, default=None)


def _facts(context: Context, trained: RecordedJob, costing: Costing) -> TrainingFacts:
    job = trained.job
    seconds = training_seconds(context, trained)
    return TrainingFacts(
        job=job.id,
        status=job.status,
        base=f"{job.profile}/{job.model}",
        fine_tuned_model=job.fine_tuned_model,
        seconds=seconds if seconds.value is not None else None,
        cost=costing.training(trained),
        recorded=job.replay is not None,
    )


def _lifecycle(context: Context, job: Job) -> Lifecycle | None:
    """That of a hosted base; a model of one's own is retired by nobody. A profile may be gone by now."""
    profile = context.profiles().get(job.profile)
    kind = profile.kind if profile else None
    return None if kind == "local" else lifecycle(job.model, kind)


def _keep(context: Context, project: Project, decision: Decision) -> None:
    """Remember the verdict, unless nothing was measured or it is the one that was given last on the same run."""
    if decision.run is None:
        return
    record = VerdictRecord(
        stage=decision.stage, verdict=decision.verdict, run=decision.run, created_at=int(time.time())
    )

    def change(document: ProjectDocument) -> ProjectDocument:
        last = document.verdicts[-1] if document.verdicts else None
        if last and (last.stage, last.verdict, last.run) == (record.stage, record.verdict, record.run):
            return document
        return document.model_copy(update={"verdicts": [*document.verdicts, record][-VERDICTS_KEPT:]})

    context.store.update(project.relative, ProjectDocument, change)
