"""`ftwb project`: tasks with their data, runs and verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, context_of
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`project new|list|open|show`."""
    verbs = add_group(commands, shared, "project", "tasks with their data, runs and verdicts")
    new = add_command(verbs, shared, "new", run_new, "make a project and open it")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--sample", metavar="S", help="with a copy of a bundled sample")
    new.add_argument("--title", metavar="T")
    for file in ("train", "validation", "test"):
        new.add_argument(f"--{file}", metavar="F")
    new.add_argument("--scorer", metavar="NAME")
    add_command(verbs, shared, "list", run_list, "the projects of the workspace")
    add_command(verbs, shared, "open", run_open, "make a project the open one").add_argument("name", metavar="NAME")
    add_command(verbs, shared, "show", run_show, "a project's document").add_argument("name", metavar="NAME", nargs="?")


def run_new(args: argparse.Namespace) -> int:
    """Make a project and open it."""
    from workbench.workflow.project import known_scorer, new_project, remember_project, update_project

    context = context_of(args)
    given = {
        side: str(_file(side, value).resolve())
        for side in ("train", "validation", "test")
        if (value := getattr(args, side))
    }
    if args.scorer:
        given["scorer"] = known_scorer(args.scorer)
    project = new_project(context, args.name, args.sample, args.title)
    if given:
        project = update_project(context, project, task=project.document.task.model_dump() | given)
    remember_project(context, project)
    return _print(args, project)


def run_list(args: argparse.Namespace) -> int:
    """The projects; the open one is marked."""
    from workbench.workflow.project import list_projects, open_project

    context = context_of(args)
    projects = list_projects(context)
    current = open_project(context).slug
    if args.json:
        output.emit_json({"projects": [_summary(project) | {"open": project.slug == current} for project in projects]})
    else:
        output.table(
            [["*" if p.slug == current else "", p.slug, p.title, p.document.task.scorer] for p in projects],
            ["", "NAME", "TITLE", "SCORER"],
        )
    return 0


def run_open(args: argparse.Namespace) -> int:
    """Make a project the open one."""
    from workbench.workflow.project import open_project, remember_project

    context = context_of(args)
    project = open_project(context, args.name)
    remember_project(context, project)
    return _print(args, project)


def run_show(args: argparse.Namespace) -> int:
    """A project's document."""
    from workbench.workflow.project import open_project

    return _print(args, open_project(context_of(args), args.name or args.project))


def _file(side: str, value: str) -> Path:
    """A file that is there: a project that names another would fail at every later step."""
    if not Path(value).is_file():
        raise WorkbenchError(
            value, f"is no file, given as --{side}", "give the path of a JSONL file", code="unreadable"
        )
    return Path(value)


def _summary(project: Any) -> dict[str, Any]:
    return {
        "name": project.slug,
        "title": project.title,
        "folder": project.folder,
        "scorer": project.document.task.scorer,
    }


def _print(args: argparse.Namespace, project: Any) -> int:
    if args.json:
        output.emit_json(_summary(project) | {"document": project.document})
        return 0
    output.say(f"{project.slug}: {project.title}")
    if project.document.purpose:
        output.say(project.document.purpose)
    for side, path in project.files.items():
        output.say(f"  {side:<10}  {path}")
    output.say(f"  {'scorer':<10}  {project.document.task.scorer}")
    output.say(f"  {'candidates':<10}  {', '.join(project.document.candidates)}")
    return 0
