"""Making an app for a test: a workspace of its own, a project from a bundled sample, a patient pilot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from workbench.app import WorkbenchApp
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


def make_workspace(
    home: Path, project: str = "demo", sample: str = "recipes", *, real_engine: bool = False
) -> tuple[Context, Project]:
    """A workspace in `home` with the project `project`, made of a bundled sample where it does not exist yet.

    Its engine is a `FakeEngine` unless `real_engine`, which needs the `local` extra and may start a process.
    """
    from workbench.testing.fake_engine import FakeEngine
    from workbench.workflow.context import open_context
    from workbench.workflow.project import new_project, open_project, remember_project

    context = open_context(home, {**os.environ, "FTWB_CACHE": str(home / "cache")})
    if not real_engine:
        # The place of the cached property: the context itself is frozen.
        context.__dict__["engine"] = FakeEngine(context.home, context.cache)
    exists = (home / "projects" / project / "project.toml").is_file()
    opened = open_project(context, project) if exists else new_project(context, project, sample)
    remember_project(context, opened)
    return context, opened


def make_app(
    home: Path,
    *,
    project: str = "demo",
    start: str = "datasets",
    sample: str = "recipes",
    file: Path | None = None,
    theme: str = "ftwb-dark",
    real_engine: bool = False,
) -> WorkbenchApp:
    """The app of `ftwb_app`; see there. Nothing in it is animated, and a pilot's pause waits for its workers."""
    from workbench.app import WorkbenchApp
    from workbench.testing.idle import settled

    context, opened = make_workspace(home, project, sample, real_engine=real_engine)
    app = cast(WorkbenchApp, settled(WorkbenchApp)(context, opened, start, file))  # type: ignore[arg-type]
    app.animation_level = "none"
    app.theme = theme
    return app
