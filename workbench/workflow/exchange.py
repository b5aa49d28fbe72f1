"""To lm-eval and back: commands for candidates, and its results as runs of the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.evaluate import lm_eval
from workbench.evaluate.asking import CONCURRENCY
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.ledger import Ledger
from workbench.evaluate.results import RunResult
from workbench.evaluate.task import TaskSpec
from workbench.providers.profiles import base_url
from workbench.workflow.context import Context
from workbench.workflow.project import Project
from workbench.workflow.runs import new_run_id, run_folder

SERVED = "http://127.0.0.1:8765/v1"
"""Where `ftwb serve` listens unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A candidate as lm-eval's command."""

    candidate: str
    command: str
    key: str
    """Where the value of OPENAI_API_KEY comes from."""


def export_lm_eval(
    context: Context, candidate: str, task: TaskSpec, tasks: Sequence[str], served: str = SERVED
) -> Exported:
    """The command for a candidate; a local one is reached where `ftwb serve` has opened a port. Starts nothing."""
    parsed = parse_candidate(candidate)
    if parsed.is_trivial:
        return Exported(candidate, lm_eval.command(parsed, task, tasks, served, 1), "")
    profile = context.profile(parsed.profile)
    url = served if profile.kind == "local" else base_url(profile, context.environ)
    if url is None:
        context.complete_profile(parsed.profile)
        raise WorkbenchError(
            f"profile {parsed.profile}",
            "has no address",
            f"`ftwb profile edit {parsed.profile} --url URL` gives it one",
            code="not_configured",
        )
    command = lm_eval.command(parsed, task, tasks, url, profile.concurrency or CONCURRENCY)
    key = "FTWB_API_KEY" if profile.kind == "local" else profile.api_key_env or profile.api_key_command or "none"
    return Exported(candidate, command, key)


def import_lm_eval(
    context: Context, project: Project, paths: Sequence[Path], names: Sequence[str] = ()
) -> list[RunResult]:
    """Record results files as runs, one for each task and metric, with all the files that have it.

    `names` are the candidates of the files, in their order; without them a model is called `lm-eval/MODEL`.
    """
    if names and len(names) != len(paths):
        why = f"{len(names)} candidates are named for {len(paths)} results files"
        raise WorkbenchError("--import-lm-eval", why, "give one --candidate a file, or none", code="usage", exit_code=2)
    tables: dict[tuple[str, str], list[tuple[str, lm_eval.Measured]]] = {}
    for at, path in enumerate(paths):
        for one in lm_eval.read_results(path):
            name = names[at] if names else f"{lm_eval.PROFILE}/{one.model}"
            table = tables.setdefault((one.task, one.metric), [])
            if any(other == name for other, _ in table):
                hint = "name them apart with --candidate, one a file"
                raise WorkbenchError(f"{path}, {one.task}", f"a second result is called {name}", hint, code="twice")
            table.append((parse_candidate(name).text, one))
    return [_keep(context, project, table) for table in tables.values()]


def _keep(context: Context, project: Project, table: Sequence[tuple[str, lm_eval.Measured]]) -> RunResult:
    result = lm_eval.as_run(table, new_run_id(), project.task.seed)
    folder = run_folder(context, project, result.run)
    with Ledger(folder) as ledger:
        for name, one in table:
            for row in one.rows:
                ledger.append(row.model_copy(update={"candidate": name}))
    document = str((folder / "run.toml").relative_to(context.home))
    context.store.update(document, RunResult, lambda _: result)
    return result
