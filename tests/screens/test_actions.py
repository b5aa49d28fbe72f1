"""The registry of actions: one place, no two meanings."""

from __future__ import annotations

import pytest

from workbench.actions import (
    ACTIONS,
    APP,
    LIST,
    MODES,
    ON_TOP,
    bindings_for,
    duplicate_keys,
    key_table,
    problems_of,
    working_in,
)
from workbench.app import WorkbenchApp, screen_class
from workbench.screens.deployments import DeploymentsScreen
from workbench.screens.editor import EditorScreen
from workbench.screens.items import ItemsScreen
from workbench.screens.microscope import MicroscopeScreen
from workbench.screens.neighbours import NeighboursScreen
from workbench.screens.pair import PairScreen
from workbench.screens.profiles import ProfilesScreen
from workbench.screens.rescue import RescueScreen
from workbench.screens.slices import SlicesScreen
from workbench.screens.voting import VotingScreen
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading

OWN_SCREENS = {
    **{mode: screen_class(mode) for mode in MODES},
    "items": ItemsScreen,
    "slices": SlicesScreen,
    "voting": VotingScreen,
    "neighbours": NeighboursScreen,
    "editor": EditorScreen,
    "pair": PairScreen,
    "microscope": MicroscopeScreen,
    "profiles": ProfilesScreen,
    "deployments": DeploymentsScreen,
    "rescue": RescueScreen,
}


def test_no_key_has_two_meanings_in_one_place() -> None:
    """A mode's own keys, those of lists and those of everywhere work at the same time."""
    assert duplicate_keys() == []


def test_ids_are_unique_and_their_scope_exists() -> None:
    """A keymap names an action by its id."""
    ids = [action.id for action in ACTIONS]
    assert len(set(ids)) == len(ids)
    assert {action.scope for action in ACTIONS} <= {APP, LIST, *MODES, *ON_TOP}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_is_there_to_be_called(action) -> None:
    """A row in the README that does nothing would be a lie."""
    target, _, call = action.action.partition("(")[0].rpartition(".")
    name = f"action_{call}"
    if action.scope in OWN_SCREENS:
        owners = [OWN_SCREENS[action.scope]]
    elif target == "screen":
        owners = list(OWN_SCREENS.values())
    else:
        owners = [WorkbenchApp] if action.scope == APP else [LineList, Reading]
    for owner in owners:
        assert hasattr(owner, name), f"{owner.__name__} has no {name}"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_no_action_depends_on_keys_that_terminals_eat(action) -> None:
    """ctrl+enter, alt, ctrl+shift and ctrl+tab never arrive in many; ctrl+a and ctrl+b belong to screen and tmux."""
    unreliable = ("ctrl+enter", "alt+", "ctrl+shift+", "ctrl+tab", "ctrl+i", "ctrl+m", "ctrl+h", "ctrl+a", "ctrl+b")
    reliable = [key for key in action.keys if not key.startswith(unreliable)]
    assert reliable or not action.keys


@pytest.mark.parametrize("place", OWN_SCREENS)
def test_every_screen_has_help(place: str) -> None:
    """F1 says what the screen is for."""
    assert OWN_SCREENS[place].HELP


def test_bindings_carry_the_ids() -> None:
    """Textual moves a binding by its id."""
    assert {binding.id for binding in bindings_for("datasets")} == {
        action.id for action in ACTIONS if action.scope == "datasets" and action.keys
    }


def test_the_key_table_has_every_key() -> None:
    """The README's table is this one."""
    table = key_table()
    for action in ACTIONS:
        assert (f"`{action.id}`" in table) == bool(action.keys)
    assert table.count("| key | does | id |") == len({action.group for action in ACTIONS if action.keys})


def test_a_keymap_entry_that_names_nothing_gets_one_sentence() -> None:
    """With the nearest id there is."""
    [sentence] = problems_of({"datasets.filtre": "x"})
    assert "'datasets.filtre'" in sentence
    assert "did you mean datasets.filter?" in sentence


def test_a_keymap_that_gives_a_key_twice_is_told() -> None:
    """Both actions are named."""
    [sentence] = problems_of({"datasets.open": "f"})
    assert "datasets.open" in sentence
    assert "datasets.next-file" in sentence


def test_help_lists_the_modes_own_keys_first() -> None:
    """What is particular here comes before what holds everywhere."""
    assert next(iter(working_in("jobs"))).scope == "jobs"
