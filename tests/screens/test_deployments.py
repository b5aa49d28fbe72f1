"""The Deployments screen: the meter, what ends by itself, the price before a yes, what lingers, the same by az."""

from __future__ import annotations

from textual.widgets import Input, Select

from tests.screens.cloud import NOW, TUNED, cloud  # noqa: F401 - a fixture
from workbench.screens.deployments import DeploymentsScreen
from workbench.screens.dialogs.confirm_command import ConfirmCommandDialog
from workbench.screens.dialogs.deployment import DeploymentDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.testing import wait_idle


async def shown(pilot) -> DeploymentsScreen:
    """The screen once all profiles were asked."""
    await wait_idle(pilot)
    await pilot.press("f4")
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, DeploymentsScreen)
    return pilot.app.screen


async def test_without_azure_it_says_what_to_do(cloud, screen_text) -> None:  # noqa: F811
    """Two sentences; `n` says it too, and deploys nothing."""
    cloud.config("")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        text = screen_text(app)
        assert "No Azure profile names its resource: F3" in text and "Nothing lingers." in text
        await pilot.press("n")
        assert isinstance(app.screen, MessageDialog)


async def test_no_deployments_says_which_key_makes_one(cloud, screen_text) -> None:  # noqa: F811
    """The resource is known and holds none."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "No deployments: n makes one." in screen_text(app)


async def test_the_meter_runs_and_says_where_its_price_comes_from(cloud, screen_text, monkeypatch) -> None:  # noqa: F811
    """100 hours at 1.70: by the hour, by the month, so far; an hour later 1.70 more, and nobody was asked."""
    cloud.deployed("mine")
    app = cloud.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        text = screen_text(app)
        assert "1 deployed  $170.00 so far  $1.70 an hour  $1,224.00 a month  estimated" in text
        assert "✓ answers" in text and "global" in text
        assert "a month   1,224 USD per month, estimated: 1.7 USD an hour x 720" in text
        assert "after 15 days without a call: on 2026-10-02 if it is never called" in text
        asked = len(cloud.arm.requests)
        monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW + 3600)
        screen.read_meter()
        await wait_idle(pilot)
        assert "$171.70 so far" in screen_text(app)
        assert len(cloud.arm.requests) == asked


async def test_what_ends_within_a_day_is_counted_above(cloud, screen_text) -> None:  # noqa: F811
    """The developer tier costs nothing and is deleted after 24 hours."""
    cloud.deployed("trial", sku="DeveloperTier", hours=20)
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        text = screen_text(app)
        assert "1 ends within a day" in text and "Azure deletes it in 4 hours" in text


async def test_a_refusal_for_want_of_a_role_is_explained_in_its_place(cloud, screen_text) -> None:  # noqa: F811
    """Files and models of others stand there all the same."""
    file = cloud.stored()
    cloud.arm.fail("GET", 403, "AuthorizationFailed", "The client does not have authorization")
    app = cloud.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        text = " ".join(screen_text(app).split())
        assert "deployments of azure are not known" in text and "deploying Foundry Owner" in text
        assert file in text


async def test_a_deployment_is_made_after_its_price_and_a_yes(cloud, until, screen_text) -> None:  # noqa: F811
    """The form says the price as it is filled in; the command that does the same is copied; then it comes up."""
    cloud.stored()
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("n")
        form = app.screen
        assert isinstance(form, DeploymentDialog)
        assert form.query_one("#model", Input).value == TUNED, "the model under the cursor"
        assert form.query_one("#name", Input).value == "tickets", "its suffix"
        assert "hosting $1,224.00 a month, estimated" in screen_text(app)
        form.query_one("#tier", Select).value = "developer"
        await pilot.pause()
        assert "hosting $0.00 a month" in screen_text(app)
        form.query_one("#tier", Select).value = "data-zone"
        form.query_one("#capacity", Input).value = "2.5"
        await pilot.press("ctrl+s")
        assert app.screen is form and "'2.5' is no whole number from 1" in screen_text(app)
        form.query_one("#capacity", Input).value = "20"
        await pilot.press("ctrl+s")
        asked = app.screen
        assert isinstance(asked, ConfirmCommandDialog)
        assert "Hosting costs 1,224 USD per month" in " ".join(screen_text(app).replace("│", " ").split())
        assert "--sku-name DataZoneStandard --sku-capacity 20" in asked.text_to_copy()
        await pilot.press("n")
        assert not any(request.method == "PUT" for request in cloud.arm.requests)
        await pilot.press("n", "ctrl+s", "y")
        await wait_idle(pilot)
        (put,) = [request for request in cloud.arm.requests if request.method == "PUT"]
        assert screen.check_action("new", ())
        assert put.path.endswith("/deployments/tickets") and put.json["sku"]["name"] == "GlobalStandard"
        assert screen._again is not None, "it comes up: looked at again"
        cloud.arm.deployments["tickets"]["properties"]["provisioningState"] = "Succeeded"
        screen.look_again()
        await until(pilot, lambda: screen.deployments and screen.deployments[0].status == "Succeeded")


async def test_one_that_is_there_already_is_refused_in_a_sentence(cloud, screen_text) -> None:  # noqa: F811
    """Nothing is overwritten, and one can go on."""
    cloud.stored()
    cloud.deployed("tickets", "another-model")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("tab", "n", "ctrl+s", "y")
        await wait_idle(pilot)
        assert isinstance(app.screen, MessageDialog) and "is there already" in screen_text(app)
        await pilot.press("escape", "escape")
        assert app.screen is not screen, "nothing is under way any more"


async def test_only_what_is_marked_goes_and_deployments_before_their_models(cloud, screen_text) -> None:  # noqa: F811
    """With the commands of az for what is Azure's."""
    file = cloud.stored()
    cloud.deployed("mine")
    app = cloud.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        await pilot.press("tab", "d")
        assert isinstance(app.screen, MessageDialog) and "is used by deployment mine" in screen_text(app)
        await pilot.press("escape", "space", "shift+tab", "space")
        assert "◆ mine" in screen_text(app)
        await pilot.press("d")
        asked = app.screen
        assert isinstance(asked, ConfirmCommandDialog) and "Delete these 2 for good?" in screen_text(app)
        commands = asked.text_to_copy().splitlines()
        assert "deployment delete" in commands[0] and commands[1].startswith("az rest --method delete")
        await pilot.press("y")
        await wait_idle(pilot)
        assert not cloud.arm.deployments
        assert [one.id for one in screen.lingering] == [file] and not screen.marked


async def test_a_deployment_is_not_deleted_without_a_yes(cloud) -> None:  # noqa: F811
    """Enter and escape are none."""
    cloud.deployed("mine")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("d", "enter", "escape")
        assert list(cloud.arm.deployments) == ["mine"]


async def test_the_commands_of_az_can_be_copied(cloud, monkeypatch) -> None:  # noqa: F811
    """For listing, showing and deleting."""
    cloud.deployed("mine")
    app = cloud.app()
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("a")
        assert isinstance(app.screen, TextDialog)
        await pilot.press("y")
        for action in ("list", "show", "delete"):
            assert f"az cognitiveservices account deployment {action} --subscription" in copied[0]
        await pilot.press("escape", "d", "c")
        assert copied[1].startswith("az cognitiveservices account deployment delete")
        await pilot.press("escape", "y")
        assert copied[2] == "mine"


async def test_looking_can_be_stopped(cloud, until, screen_text) -> None:  # noqa: F811
    """A provider that does not answer holds nobody."""
    cloud.azure.stall("/models")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        app.action_deployments()
        await until(pilot, lambda: isinstance(app.screen, DeploymentsScreen) and "asking…" in screen_text(app))
        screen = app.screen
        assert screen.check_action("stop", ())
        screen.action_stop()
        await wait_idle(pilot)
        assert not screen.check_action("stop", ()) and "asking…" not in screen_text(app)


async def test_a_dialog_that_closes_asks_nobody_again_but_another_profile_does(cloud, monkeypatch) -> None:  # noqa: F811
    """And coming back after a while."""
    cloud.deployed("mine")
    app = cloud.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        asked = len(cloud.arm.requests)
        await pilot.press("a", "escape")
        await wait_idle(pilot)
        assert len(cloud.arm.requests) == asked
        cloud.config(cloud.written + '[profiles.more]\nbase_url = "http://127.0.0.1:9/v1"\n')
        await pilot.press("a", "escape")
        await wait_idle(pilot)
        assert len(cloud.arm.requests) > asked
        asked = len(cloud.arm.requests)
        monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW + 3600)
        await pilot.press("a", "escape")
        await wait_idle(pilot)
        assert len(cloud.arm.requests) > asked


async def test_cancelling_a_job_of_azure_shows_the_command_of_azd(cloud, until) -> None:  # noqa: F811
    """To copy, in the question; anybody else's job has none."""
    made = cloud.azure._work.create({"model": "gpt-4.1-mini-2025-04-14", "training_file": "file-1"})
    app = cloud.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.job is not None)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmCommandDialog))
        assert app.screen.text_to_copy() == f"azd ai finetuning jobs cancel --id {made['id']}"


async def test_names_of_markup_are_shown_as_they_are(cloud, screen_text) -> None:  # noqa: F811
    """Whatever a provider calls things."""
    cloud.deployed("[/x]")
    app = cloud.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "─[/x]─" in screen_text(app) and "✓ answers  [/x]" in screen_text(app)


async def test_what_is_read_below_stays_where_it_is_while_the_meter_runs(cloud, monkeypatch) -> None:  # noqa: F811
    """Also with the keys there: it goes on to be about what it was about."""
    cloud.stored()
    cloud.deployed("mine")
    app = cloud.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW + 3600)
        await pilot.press("tab", "tab")
        assert screen.focused is screen._about and TUNED in screen._about.text
        before = screen._about.text
        screen.read_meter()
        await wait_idle(pilot)
        assert screen._about.text == before, "the model, not the deployment that the meter is of"
        await pilot.press("tab", "shift+tab", "j")
        assert screen.focused is screen._about and screen._about.scroll_offset.y == 1
        assert "$171.70" in screen._about.text
        monkeypatch.setattr("workbench.widgets.clock.now", lambda: NOW + 7200)
        screen.read_meter()
        await wait_idle(pilot)
        assert "$173.40" in screen._about.text and screen._about.scroll_offset.y == 1
