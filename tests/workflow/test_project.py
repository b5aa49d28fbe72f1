"""Projects: made from samples, opened, remembered, never mixed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.resources import samples_dir
from workbench.workflow.context import Context
from workbench.workflow.project import (
    list_projects,
    new_project,
    open_project,
    remember_project,
    sample_names,
    sample_project,
    slug_of,
    update_project,
)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={})


def test_a_new_workspace_opens_on_the_bundled_recipes(context: Context) -> None:
    """The first start has something real to look at."""
    project = open_project(context)
    assert project.slug == "default"
    assert project.document.sample == "recipes"
    assert {side: path.is_file() for side, path in project.files.items()} == {
        "train": True, "validation": True, "test": True,
    }  # fmt: skip


def test_a_project_has_its_own_copy_of_the_sample(context: Context) -> None:
    """Editing the project's data must not change what is shipped."""
    project = new_project(context, "Mine", "tickets")
    shipped = (samples_dir() / "tickets" / "train.jsonl").read_bytes()
    project.files["train"].write_bytes(b"{}\n")
    assert (samples_dir() / "tickets" / "train.jsonl").read_bytes() == shipped


def test_the_open_project_is_remembered(context: Context) -> None:
    project = new_project(context, "other", "clippy")
    remember_project(context, project)
    assert open_project(context).slug == "other"
    assert [p.slug for p in list_projects(context)] == ["other"]


def test_a_deleted_open_project_falls_back_to_the_first(context: Context) -> None:
    """What the app remembers may be gone; the person still gets in."""
    open_project(context)
    gone = new_project(context, "gone")
    remember_project(context, gone)
    (gone.folder / "project.toml").unlink()
    assert open_project(context).slug == "default"


def test_an_unknown_project_is_refused_with_the_known_ones(context: Context) -> None:
    with pytest.raises(WorkbenchError, match="default"):
        open_project(context, "nope")


def test_an_existing_project_is_not_overwritten(context: Context) -> None:
    new_project(context, "one", "clippy")
    with pytest.raises(WorkbenchError, match="exists already"):
        new_project(context, "One")


def test_changes_are_written_and_the_rest_stays(context: Context) -> None:
    project = new_project(context, "one", "recipes")
    changed = update_project(context, project, requests_per_month=1000)
    assert changed.document.requests_per_month == 1000
    assert changed.document.task == project.document.task


@pytest.mark.parametrize(("name", "slug"), [("My Project!", "my-project"), ("a/../../b", "a-b"), ("x" * 90, "x" * 40)])
def test_slugs_are_safe_folder_names(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="no letter"):
        slug_of("../..")


@pytest.mark.parametrize("sample", sample_names())
def test_every_sample_makes_a_project_whose_files_exist(context: Context, sample: str) -> None:
    project = new_project(context, sample, sample)
    assert project.files and all(path.is_file() for path in project.files.values())
    assert project.title != sample


def test_an_unwritable_workspace_is_said_in_one_sentence(tmp_path: Path) -> None:
    """A file where the workspace should be is as unwritable as a read-only disk, also for root."""
    (tmp_path / "home").write_text("not a folder")
    context = Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={})
    with pytest.raises(WorkbenchError) as caught:
        open_project(context)
    assert "--workspace" in caught.value.hint or "FTWB_HOME" in caught.value.hint


def test_a_project_that_only_shares_a_samples_name_is_left_alone(context: Context) -> None:
    """Its data is not the sample's: the quickstart makes another one, and finds that one again."""
    mine = new_project(context, "recipes")
    made = sample_project(context, "recipes")
    assert made.slug == "recipes-2" and made.document.sample == "recipes"
    assert sample_project(context, "recipes").slug == "recipes-2"
    assert open_project(context, mine.slug).files == {}


def test_a_sample_is_a_name_and_no_path(context: Context) -> None:
    with pytest.raises(WorkbenchError, match="does not exist"):
        sample_project(context, "../samples/recipes")
