"""What the screens about providers look like. Update with `pytest --snapshot-update`, after looking."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Select

from tests.screens.cloud import TUNED, Cloud, cloud  # noqa: F401 - a fixture
from workbench.providers.models import Model
from workbench.providers.probe import Probe, Probed
from workbench.screens.profiles import CallAnswered, TestEnded

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
NARROW = (80, 24)
CONFIG = """\
[profiles.azure]
base_url = "https://contoso.openai.azure.com"
auth = "entra"
[profiles.mine]
base_url = "https://models.example.com/v1"
api_key_command = "pass show mine"
[profiles.demo]
replay = "openai"
kind = "openai"
"""
CALLS = (
    Probe("models", True, 0.213, "3 models, 1 of them tuned"),
    Probe("jobs", True, 0.187, "the newest is ftjob-1"),
    Probe("files", False, 0.042, "Not Found; check the address [b]x[/b] \x1b[2J"),
)
MODELS = (
    Model(id="ft:small:mine:tickets:1a2b", profile="mine", kind="tuned", retires="2027-04-14"),
    Model(id="small", profile="mine"),
)


async def on_mine(pilot) -> None:
    """The screen with the cursor on the person's own profile."""
    await pilot.press("f3", "j", "j", "j")
    await pilot.pause()


@SIZES
def test_profiles(cloud: Cloud, snap_compare, size) -> None:  # noqa: F811
    """Each with its host, where its key comes from, how it stands; below what one has answered."""
    cloud.config(CONFIG)

    async def tested(pilot) -> None:
        await on_mine(pilot)
        screen = pilot.app.screen
        screen.test_profile = lambda name: None
        await pilot.press("t")
        for call in CALLS:
            screen.post_message(CallAnswered("mine", call))
        screen.post_message(TestEnded("mine", Probed(CALLS, MODELS)))
        await pilot.pause()

    assert snap_compare(cloud.app(), run_before=tested, terminal_size=size)


def test_profiles_incomplete(cloud: Cloud, snap_compare) -> None:  # noqa: F811
    """One sentence about what is missing, and the way out; then what it could do."""
    cloud.config("")
    assert snap_compare(cloud.app(), press=["f3"], terminal_size=NARROW)


@SIZES
def test_profile_form(cloud: Cloud, snap_compare, size) -> None:  # noqa: F811
    """The form with the most fields, at the smallest size, and what is missing below."""
    cloud.config(CONFIG)

    async def for_azure(pilot) -> None:
        await pilot.press("f3", "n")
        pilot.app.screen.query_one("#name", Input).value = "contoso"
        pilot.app.screen.query_one("#kind", Select).value = "azure"
        await pilot.pause()

    assert snap_compare(cloud.app(), run_before=for_azure, terminal_size=size)


def three(cloud: Cloud) -> None:  # noqa: F811
    """One that answers, one on trial, one that came to nothing; a model and a file."""
    cloud.stored()
    cloud.deployed("tickets")
    cloud.deployed("trial", sku="DeveloperTier", hours=20)
    cloud.deployed("broken", sku="Standard", hours=2)
    cloud.arm.deployments["broken"]["properties"]["provisioningState"] = "Failed"


@SIZES
def test_deployments(cloud: Cloud, snap_compare, size) -> None:  # noqa: F811
    """The meter, states as glyph and word, what lingers, and below one of them with its end and its price."""
    three(cloud)
    assert snap_compare(cloud.app(), press=["f4", "j", "space", "k", "k"], terminal_size=size)


def test_deployments_empty(cloud: Cloud, snap_compare) -> None:  # noqa: F811
    """What to do."""
    cloud.config("")
    assert snap_compare(cloud.app(), press=["f4"], terminal_size=NARROW)


async def filled(pilot) -> None:
    """The form, with a model that is not under the cursor: the command beside that would hold a fake's port."""
    await pilot.press("f4", "n")
    pilot.app.screen.query_one("#model", Input).value = TUNED
    pilot.app.screen.query_one("#name", Input).value = "tickets"
    await pilot.pause()


@SIZES
def test_deploying(cloud: Cloud, snap_compare, size) -> None:  # noqa: F811
    """The form with its price."""
    assert snap_compare(cloud.app(), run_before=filled, terminal_size=size)


def test_deploying_asks(cloud: Cloud, snap_compare) -> None:  # noqa: F811
    """The price with its source and the command, before a yes."""

    async def asked(pilot) -> None:
        await filled(pilot)
        await pilot.press("ctrl+s")

    assert snap_compare(cloud.app(), run_before=asked, terminal_size=NARROW)
