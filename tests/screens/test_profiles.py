"""The Profiles screen: what each misses, tests call by call, adding, editing, removing; never a key."""

from __future__ import annotations

from textual.widgets import Input, Select

from tests.screens.cloud import cloud  # noqa: F401 - a fixture
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.profile import ProfileDialog
from workbench.screens.profiles import CallAnswered, ProfilesScreen
from workbench.testing import wait_idle


async def shown(pilot, profile: str = "") -> ProfilesScreen:
    """The screen, its cursor on the profile."""
    await wait_idle(pilot)
    await pilot.press("f3")
    await wait_idle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ProfilesScreen)
    if profile:
        screen._table.list.cursor = [one.name for one in screen.profiles].index(profile)
        await wait_idle(pilot)
    return screen


def said(form: ProfileDialog) -> str:
    """The form's sentence, which may be wrapped."""
    return form._says.text.replace("\n", " ")


async def test_all_profiles_stand_with_what_they_miss_and_escape_goes_back(cloud, screen_text) -> None:  # noqa: F811
    """The key's source, never the key; the missing variable in one sentence with the way out."""
    cloud.config('[profiles.mine]\nbase_url = "https://me:hunter2@example.com/v1"\napi_key_env = "MINE_KEY"\n')
    app = cloud.app("datasets")
    async with app.run_test(size=(80, 24)) as pilot:
        below = app.screen
        screen = await shown(pilot, "mine")
        text = screen_text(app)
        assert "[1 Datasets]" in text, "it stands on the mode that one came from"
        assert "example.com" in text and "the variable MINE_KEY" in text and "hunter2" not in text
        assert "✗ incomplete" in text
        assert "profile mine needs MINE_KEY" in text and "set it in the shell that starts ftwb" in text
        assert screen.check_action("remove", ()) and not screen.check_action("stop", ())
        await pilot.press("escape")
        assert app.screen is below


async def test_a_test_shows_every_call_with_its_time_and_the_models(cloud, screen_text) -> None:  # noqa: F811
    """What fails says why; the list has the sum."""
    cloud.openai.fail("/files", status=404, body={"detail": "Not Found"})
    app = cloud.app()
    calls = []
    async with app.run_test(size=(120, 40), message_hook=calls.append) as pilot:
        await shown(pilot, "openai")
        await pilot.press("t")
        await wait_idle(pilot)
        text = screen_text(app)
        told = dict.fromkeys(one.call.call for one in calls if isinstance(one, CallAnswered))
        assert list(told) == ["models", "jobs", "files"], "each as it answered"
        assert "✓ models           42 ms  1 models, 0 of them tuned" in text
        assert "✗ files" in text and "Not Found" in text
        assert "✗ 2 of 3 answer" in text
        assert "gpt-4.1-mini-2025-04-14  base" in text
        assert all(request.method == "GET" for request in cloud.openai.requests)


async def test_calls_stand_there_as_they_answer_and_x_stops(cloud, until, screen_text) -> None:  # noqa: F811
    """A provider that does not answer holds nothing up; what has answered stays."""
    cloud.openai.stall("/fine_tuning/jobs")
    app = cloud.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot, "openai")
        screen.action_test()
        await until(pilot, lambda: "✓ models           42 ms  1 models" in screen_text(app))
        assert "◌ testing" in screen_text(app)
        assert screen.check_action("stop", ())
        screen.action_stop()
        await wait_idle(pilot)
        text = screen_text(app)
        assert "■ stopped" in text and "42 ms  1 models" in text
        assert screen.tried["openai"].state == "stopped" and not screen.check_action("stop", ())


async def test_a_profile_that_cannot_be_asked_says_why_in_its_place(cloud, screen_text) -> None:  # noqa: F811
    """No dialog; the list says it too."""
    cloud.config("")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "azure")
        await pilot.press("t")
        await wait_idle(pilot)
        assert not isinstance(app.screen, MessageDialog)
        text = screen_text(app)
        assert "✗ no answer" in text and "needs AZURE_OPENAI_ENDPOINT" in text


async def test_a_profile_is_added_by_the_form_which_says_what_is_missing(cloud, screen_text) -> None:  # noqa: F811
    """Step by step; a name that is taken and a key in the wrong place keep the form open."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("n")
        form = app.screen
        assert isinstance(form, ProfileDialog)
        assert "A name first" in screen_text(app)
        form.query_one("#name", Input).value = "mine"
        await pilot.pause()
        assert "has no address; give the address, which" in said(form)
        form.query_one("#base_url", Input).value = "https://example.com/v1"
        await pilot.pause()
        assert "where the provider wants no key" in screen_text(app)
        form.query_one("#name", Input).value = "openai"
        await pilot.pause()
        assert "profile openai: exists already; choose another name" in said(form), "before anything is tried"
        await pilot.press("ctrl+s")
        assert app.screen is form and "✗ profile openai: exists already" in screen_text(app)
        form.query_one("#name", Input).value = "mine"
        form.query_one("#api_key_env", Input).value = "sk-proj-top-secret"
        await pilot.press("ctrl+s")
        assert app.screen is form and "name the variable, not the key" in said(form)
        form.query_one("#api_key_env", Input).value = "MINE_KEY"
        form.query_one("#concurrency", Input).value = "many"
        await pilot.pause()
        assert said(form) == "calls at once: is no whole number from 1 up; 4 is usual"
        form.query_one("#concurrency", Input).value = ""
        await pilot.pause()
        assert "Missing: profile mine needs MINE_KEY." in screen_text(app)
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert screen.profile is not None and screen.profile.name == "mine"
    kept = cloud.context.profile("mine")
    assert (kept.kind, kept.base_url, kept.api_key_env) == ("compatible", "https://example.com/v1", "MINE_KEY")
    assert "secret" not in cloud.written


async def test_only_fields_that_say_something_are_shown(cloud) -> None:  # noqa: F811
    """By kind, by sign-in, and none of a real provider's where a recording plays."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("n")
        form = app.screen

        def rows() -> set[str]:
            return {str(field.id) for field in form.query("Input, Select") if field.parent.display}

        assert "resource_id" not in rows() and "auth" not in rows()
        form.query_one("#kind", Select).value = "azure"
        await pilot.pause()
        assert {"resource_id", "auth", "api_key_env"} <= rows()
        form.query_one("#auth", Select).value = "entra"
        await pilot.pause()
        assert "api_key_env" not in rows()
        form.query_one("#replay", Select).value = "azure"
        await pilot.pause()
        assert rows() == {"name", "replay", "embedding_model", "concurrency"}


async def test_an_edit_changes_what_was_changed_and_nothing_else(cloud) -> None:  # noqa: F811
    """What has no field stays; an emptied field is cleared."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "azure")
        await pilot.press("enter")
        form = app.screen
        assert form.query_one("#resource_id", Input).value.endswith("/accounts/acct")
        form.query_one("#api_key_env", Input).value = ""
        form.query_one("#api_key_command", Input).value = "pass show azure"
        form.query_one("#concurrency", Input).value = "9"
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
    kept = cloud.context.profile("azure")
    assert (kept.api_key_command, kept.concurrency) == ("pass show azure", 9)
    assert kept.settings["arm"]["token_env"] == "ARM_TOKEN", "the form knows nothing of it"
    assert kept.base_url == cloud.azure.endpoint


async def test_a_key_that_a_person_wrote_into_a_profile_by_hand_is_not_shown(cloud, screen_text) -> None:  # noqa: F811
    """Neither in the list nor in the form; an edit of something else leaves it, a new address takes its place."""
    cloud.config(
        '[profiles.mine]\nbase_url = "https://example.com/v1?api-key=hunter2"\n'
        'api_key_command = "echo sk-proj-hunter2hunter2"\n'
    )
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "mine")
        await pilot.press("e")
        form = app.screen
        assert form.query_one("#base_url", Input).value == "https://example.com/v1?api-key=***"
        assert "hunter2" not in screen_text(app)
        assert "There is a key in this profile, which is not shown and stays" in said(form)
        form.query_one("#concurrency", Input).value = "9"
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        kept = cloud.context.profile("mine")
        assert (kept.base_url, kept.concurrency) == ("https://example.com/v1?api-key=hunter2", 9)
        assert kept.api_key_command == "echo sk-proj-hunter2hunter2"
        await pilot.press("e")
        app.screen.query_one("#base_url", Input).value = "https://example.com/v1"
        app.screen.query_one("#api_key_command", Input).value = ""
        app.screen.query_one("#api_key_env", Input).value = "MINE_KEY"
        await pilot.pause()
        assert "Missing: profile mine needs MINE_KEY." in said(app.screen)
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
    assert "hunter2" not in cloud.written


async def test_a_models_last_day_is_there_however_long_its_name(cloud, screen_text) -> None:  # noqa: F811
    """On a line of its own where both do not fit."""
    name = "ft:gpt-4.1-mini-2025-04-14:a-rather-long-organization:with-a-suffix:fbb29b31"
    cloud.openai.add_model(name, shutdown_date="2027-01-14")
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot, "openai")
        await pilot.press("t")
        await wait_idle(pilot)
        assert ":fbb29b31\n    tuned, retires 2027-01-14" in screen._about.text


async def test_a_profile_is_removed_after_a_yes(cloud, screen_text) -> None:  # noqa: F811
    """One out of the box is back as it was."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot, "openai")
        await pilot.press("d")
        assert isinstance(app.screen, ConfirmDialog) and "is back then" in screen_text(app)
        await pilot.press("n")
        assert "openai" in cloud.context.config.profiles
        await pilot.press("d", "y")
        await wait_idle(pilot)
        assert "openai" not in cloud.context.config.profiles
        screen._table.list.cursor = [one.name for one in screen.profiles].index("openai")
        await wait_idle(pilot)
        assert screen.check_action("remove", ()) is False
        assert "api.openai.com" in screen_text(app)


async def test_a_recording_answers_and_says_that_it_is_one(cloud, screen_text) -> None:  # noqa: F811
    """Every call, without a network."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("n")
        app.screen.query_one("#name", Input).value = "demo"
        app.screen.query_one("#replay", Select).value = "openai"
        await pilot.pause()
        assert "Nothing is missing" in screen_text(app)
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        await pilot.press("t")
        await wait_idle(pilot)
        text = screen_text(app)
        assert "✓ answers" in text and "recorded: the recording openai answered, no provider" in text


async def test_both_screens_stand_once_in_a_mode(cloud) -> None:  # noqa: F811
    """F3 and F4 in turn do not pile up."""
    app = cloud.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("f4", "f3")
        await wait_idle(pilot)
        assert app.screen is screen
        await pilot.press("f3", "escape")
        assert app.screen is app.screen_of("jobs")
