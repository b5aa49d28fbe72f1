"""The shell: modes, help, palette, keymap, themes, size, project switch."""

from __future__ import annotations

import pytest

from workbench.actions import MODES
from workbench.screens.dialogs.help import HelpDialog
from workbench.screens.dialogs.projects import ProjectsDialog
from workbench.screens.dialogs.small import TooSmallScreen
from workbench.screens.frame import Frame
from workbench.testing import wait_idle
from workbench.widgets.chrome import KeyLine


async def test_digits_switch_modes_and_each_is_made_once(ftwb_app, screen_text) -> None:
    """The present mode stands in brackets; coming back finds the screen as it was left."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        first = app.screen
        for number, (mode, title) in enumerate(MODES.items(), start=1):
            await pilot.press(str(number))
            await wait_idle(pilot)
            if mode == "playground":
                await pilot.press("escape")
                await wait_idle(pilot)
            assert app.current_mode == mode
            assert f"[{number} {title}]" in screen_text(app).splitlines()[0]
        await pilot.press("1")
        await wait_idle(pilot)
        assert app.screen is first


async def test_the_start_mode_is_the_only_one_loaded(ftwb_app) -> None:
    """A mode that nobody looks at costs nothing."""
    app = ftwb_app(start="decide")
    async with app.run_test() as pilot:
        await wait_idle(pilot)
        assert app.current_mode == "decide"
        assert [mode for mode in MODES if app._screen_stacks.get(mode)] == ["decide"]


async def test_f1_explains_the_screen_and_lists_its_keys(ftwb_app, screen_text) -> None:
    """From the screen's HELP and the registry; escape closes."""
    app = ftwb_app()
    async with app.run_test(size=(80, 80)) as pilot:
        await wait_idle(pilot)
        await pilot.press("f1")
        await wait_idle(pilot)
        assert isinstance(app.screen, HelpDialog)
        text = screen_text(app)
        assert "A record is one training example" in text
        assert "Filter records" in text
        assert "escape closes" in text
        await pilot.press("escape")
        await wait_idle(pilot)
        assert isinstance(app.screen, Frame)


async def test_the_palette_knows_the_actions_of_the_mode(ftwb_app) -> None:
    """And runs them."""
    app = ftwb_app()
    async with app.run_test() as pilot:
        await wait_idle(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Filter records" in titles
        assert "Open or make a project" in titles
        await pilot.press("ctrl+p", *"jobs")
        await wait_idle(pilot)
        await pilot.press("enter")
        await wait_idle(pilot)
        assert app.current_mode == "jobs"


async def test_a_keymap_moves_a_key_and_the_key_line_follows(ftwb_app, ftwb_pinned, screen_text) -> None:
    """A person's keys, from config.toml."""
    app = ftwb_app()
    (ftwb_pinned / "config.toml").write_text('schema_version = 1\n[keymap]\n"datasets.next-file" = "x"\n')
    app = ftwb_app()
    async with app.run_test(size=(160, 24)) as pilot:
        await wait_idle(pilot)
        assert " x file" in screen_text(app).splitlines()[-1]
        await pilot.press("f")
        await wait_idle(pilot)
        assert app.screen.file.side == "train"
        await pilot.press("x")
        await wait_idle(pilot)
        assert app.screen.file.side == "validation"


async def test_a_wrong_keymap_is_said_in_one_sentence_and_the_app_starts(ftwb_app, ftwb_pinned) -> None:
    """With the nearest id; the other entries hold."""
    ftwb_app()
    (ftwb_pinned / "config.toml").write_text('[keymap]\n"datasets.opn" = "x"\n[preferences]\ntheme = "nonsense"\n')
    app = ftwb_app()
    async with app.run_test(notifications=True) as pilot:
        await wait_idle(pilot)
        told = [notice.message for notice in app._notifications]
        assert any("datasets.opn" in message and "datasets.open" in message for message in told)
        assert any("nonsense" in message for message in told)


async def test_ctrl_c_twice_quits_once_does_not(ftwb_app) -> None:
    """The first one says so."""
    app = ftwb_app()
    async with app.run_test(notifications=True) as pilot:
        await wait_idle(pilot)
        await pilot.press("ctrl+c")
        assert any("again to quit" in notice.message for notice in app._notifications)
        assert app.is_running
        await pilot.press("ctrl+c")
    assert app.return_code == 0


async def test_a_small_terminal_gets_a_calm_notice_and_loses_nothing(ftwb_app, screen_text) -> None:
    """40×10 and back: the same screen, the same cursor; keys do nothing meanwhile."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("j", "j")
        await pilot.resize_terminal(40, 10)
        await wait_idle(pilot)
        assert isinstance(app.screen, TooSmallScreen)
        assert "needs 80×24" in screen_text(app)
        assert "40×10" in screen_text(app)
        await pilot.press("4")
        await wait_idle(pilot)
        assert app.current_mode == "datasets"
        await pilot.resize_terminal(80, 24)
        await wait_idle(pilot)
        assert app.screen.row == 2


async def test_starting_in_a_small_terminal_works_too(ftwb_app, screen_text) -> None:
    """The notice first, the app when there is room."""
    app = ftwb_app()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert "needs 80×24" in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await wait_idle(pilot)
        assert isinstance(app.screen, Frame)
        assert "[1 Datasets]" in screen_text(app)


async def test_switching_the_project_switches_every_mode(ftwb_app, screen_text) -> None:
    """Also those that were on screen before."""
    app = ftwb_app(project="demo")
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await pilot.press("2")
        await wait_idle(pilot)
        await pilot.press("f2")
        await wait_idle(pilot)
        assert isinstance(app.screen, ProjectsDialog)
        await pilot.press("G", "enter")
        await wait_idle(pilot)
        assert app.project.document.sample == "tickets"
        assert app.current_mode == "evaluate"
        assert app.screen.project is app.project
        await pilot.press("1")
        await wait_idle(pilot)
        assert app.screen.project is app.project
        assert app.project.title in screen_text(app)


@pytest.mark.parametrize("theme", ["ftwb-dark", "ftwb-light", "ansi-dark", "ansi-light", "nord"])
async def test_every_theme_works(ftwb_app, theme) -> None:
    """Ours, the terminal's sixteen, anybody's."""
    app = ftwb_app(theme=theme)
    async with app.run_test() as pilot:
        await wait_idle(pilot)
        await pilot.press("f1")
        await wait_idle(pilot)
        assert isinstance(app.screen, HelpDialog)


async def test_zoom_fills_the_screen_and_goes_back(ftwb_app) -> None:
    """The keys stay in view."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("tab", "z")
        await wait_idle(pilot)
        assert app.screen.maximized is app.screen.focused
        assert app.screen.query_one(KeyLine).region.height == 1
        await pilot.press("z")
        await wait_idle(pilot)
        assert app.screen.maximized is None


async def test_a_screen_can_be_mounted_in_another_app(ftwb_pinned) -> None:
    """It brings its style along and needs nothing of ours but its two arguments."""
    from textual.app import App

    from workbench.app import screen_class
    from workbench.testing.factory import make_workspace

    context, project = make_workspace(ftwb_pinned)

    class Foreign(App[None]):
        def on_mount(self) -> None:
            self.push_screen(screen_class("datasets")(context, project))

    app = Foreign()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await wait_idle(pilot)
        assert app.screen.file is not None
        assert app.screen.query_one("#records").region.width == 36
