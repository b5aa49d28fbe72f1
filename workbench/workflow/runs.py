"""The runs of a project as they are kept, and how often a test set was opened."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workbench.evaluate.ledger import read_rows
from workbench.evaluate.results import ItemResult, RunResult, Side
from workbench.evaluate.task import TaskSpec, content_hash
from workbench.workflow.context import Context
from workbench.workflow.project import Project

OPENED = "opened.toml"


class Opened(BaseModel):
    """`runs/<id>/opened.toml`: written before the first item is asked, so that a run that never ended counts too."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    test_sha256: str = ""
    side: Side = "test"
    opened_at: int = 0


def new_run_id() -> str:
    """A run's name: sortable by time, unique on many machines."""
    return f"run-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def run_folder(context: Context, project: Project, run_id: str) -> Path:
    """Where a run is kept."""
    return context.home / "projects" / project.slug / "runs" / run_id


def list_runs(context: Context, project: Project, side: Side | None = None) -> list[RunResult]:
    """The project's finished runs, newest first; those on one side where it is named."""
    folder = context.home / "projects" / project.slug / "runs"
    paths = sorted(folder.glob("*/run.toml"), reverse=True)
    runs = [context.store.read(str(path.relative_to(context.home)), RunResult) for path in paths]
    wanted = [run for run in runs if side in (None, run.side)]
    return sorted(wanted, key=lambda result: result.created_at, reverse=True)


def is_of(run: RunResult, task: TaskSpec) -> bool:
    """Whether a run measured this very task, the bytes of its test set included; goal and ceiling are no part of it."""
    apart = {"goal", "max_cost"}
    same_task = run.task.model_dump(exclude=apart) == task.model_dump(exclude=apart)
    return same_task and task.test is not None and run.test_sha256 == content_hash(task.test)


def run_items(context: Context, project: Project, run_id: str) -> list[ItemResult]:
    """Every answer of a run, item by item."""
    return read_rows(run_folder(context, project, run_id))


def open_test_set(context: Context, project: Project, run_id: str, sha256: str) -> int:
    """Note that a run looks at a test set; returns how often it was opened by now, in all projects.

    A run that goes on is the same opening. Whoever looks often, and keeps what scored best, measures luck.
    """
    document = str((run_folder(context, project, run_id) / OPENED).relative_to(context.home))
    if not (context.home / document).exists():
        made = Opened(test_sha256=sha256, opened_at=int(time.time()))
        context.store.update(document, Opened, lambda _: made)
    return openings(context, sha256)


def openings(context: Context, sha256: str) -> int:
    """How often a test set was opened in this workspace: by each run once, also by one that did not end."""
    return sum(
        known.test_sha256 == sha256 and known.side == "test"
        for folder in (context.home / "projects").glob("*/runs/*")
        if (known := _opened(context, folder)) is not None
    )


def _opened(context: Context, folder: Path) -> Opened | RunResult | None:
    place = str(folder.relative_to(context.home))
    if (folder / OPENED).is_file():
        return context.store.read(f"{place}/{OPENED}", Opened)
    if (folder / "run.toml").is_file():  # on the validation side, or from before openings were counted
        return context.store.read(f"{place}/run.toml", RunResult)
    return None
