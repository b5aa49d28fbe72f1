"""Weights & Biases: what is typed becomes what the document says, and what a provider sends is read."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.integrations import checked, named, wandb
from workbench.providers.profiles import built_in

OPENAI = built_in()["openai"]


def test_a_project_is_written_as_people_write_it() -> None:
    assert wandb("tickets") == {"type": "wandb", "wandb": {"project": "tickets"}}
    assert wandb("team/tickets", name="run 1", tags=["a", "b"]) == {
        "type": "wandb",
        "wandb": {"project": "tickets", "entity": "team", "name": "run 1", "tags": ["a", "b"]},
    }


@pytest.mark.parametrize("project", ["", "a/b/c", "team/"])
def test_what_is_no_project_is_said(project: str) -> None:
    with pytest.raises(WorkbenchError, match="neither PROJECT nor ENTITY/PROJECT"):
        wandb(project)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("wandb", "is no list of objects"),
        ([{"type": "mlflow"}], "names 'mlflow'; there is wandb"),
        ([{"type": "wandb"}], "names no project of wandb"),
        ([{"type": "wandb", "wandb": {"project": "p", "tags": "a"}}], "tags of wandb are no list of texts"),
        ([{"type": "wandb", "wandb": {"project": "p", "name": 3}}], "name of wandb is no text"),
        ([wandb("p")] * 6, "names 6 services; name 5 at most"),
    ],
)
def test_what_the_api_would_refuse_is_said(given: Any, said: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        checked(OPENAI, given)
    assert said in str(caught.value)


def test_nothing_is_nothing() -> None:
    assert checked(built_in()["local"], None) == []


def test_they_are_named_whatever_was_sent() -> None:
    assert named([wandb("team/tickets", name="r"), {"type": "mlflow"}, "x"]) == ["wandb team/tickets (r)", "mlflow"]
    assert named(None) == []
