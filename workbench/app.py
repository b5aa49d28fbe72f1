"""The app: five modes, themes, the palette, and the guards between it and the terminal."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from workbench.actions import APP, LIST, MODES, Action, bindings_for, problems_of, working_in
from workbench.background import Background
from workbench.errors import WorkbenchError
from workbench.leaving import APPLY, DROP, Unapplied, apply, leave_question, unapplied
from workbench.screens.frame import Frame
from workbench.terminal import clipboard, startup, workarounds
from workbench.terminal.escape import without_controls
from workbench.terminal.line_filter import ControlCharacterFilter
from workbench.terminal.signals import leave_on_signals
from workbench.terminal.size import too_small
from workbench.terminal.stderr_guard import guarded_screen
from workbench.widgets.themes import DARK, OURS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.actions import ActionParseResult
    from textual.dom import DOMNode

    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

log = logging.getLogger("workbench")

SCREENS = {
    "datasets": ("workbench.screens.datasets", "DatasetsScreen"),
    "evaluate": ("workbench.screens.evaluate", "EvaluateScreen"),
    "decide": ("workbench.screens.decide", "DecideScreen"),
    "jobs": ("workbench.screens.jobs", "JobsScreen"),
    "playground": ("workbench.screens.playground", "PlaygroundScreen"),
}
"""Module and class of each mode's screen; imported when the mode is first shown."""

OVER = {
    "profiles": ("workbench.screens.profiles", "ProfilesScreen"),
    "deployments": ("workbench.screens.deployments", "DeploymentsScreen"),
    "rescue": ("workbench.screens.rescue", "RescueScreen"),
}
"""Module and class of the screens that can be put on top of any mode."""

TWICE_S = 3.0
"""How long after a first ctrl+c a second one quits."""
_BETWEEN = "between projects"
_CONTROL_CHARACTERS = ControlCharacterFilter()


def screen_class(mode: str) -> type[Frame]:
    """The screen class of a mode."""
    module, name = SCREENS[mode]
    found: type[Frame] = getattr(importlib.import_module(module), name)
    return found


class WorkbenchApp(Background, inherit_bindings=False):
    """ftwb in this terminal, on one project of one workspace."""

    TITLE = "ftwb"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(APP))

    def __init__(
        self, context: Context, project: Project | None = None, start: str = "datasets", file: Path | None = None
    ) -> None:
        if project is None:
            from workbench.workflow.project import open_project

            project = open_project(context)
        # The base class makes the screen of its default mode itself, with its style sheet among the app's own: a mode
        # that is switched to at start paints an empty screen first and parses all sheets three times.
        self.DEFAULT_MODE = start  # type: ignore[misc]
        self.CSS = screen_class(start).CSS  # type: ignore[misc]
        super().__init__()
        self.context = context
        self.project = project
        self.crash: BaseException | None = None
        """What ended the app, if nothing foreseen did."""
        self.last_words: list[str] = []
        """What is said in the terminal when the app has left it."""
        self._file = file
        self._interrupted_at = -TWICE_S
        self._size_is_fine = True
        config = context.config
        for theme in OURS:
            self.register_theme(theme)
        self._notices = problems_of(config.keymap)
        self._set_theme(config.preferences.theme)
        self.set_keymap(dict(config.keymap))

    def _set_theme(self, name: str) -> None:
        if name in self.available_themes:
            self.theme = name
        else:
            self.theme = DARK.name
            self._notices.append(f"config.toml, preferences.theme: there is no theme {name!r}; {DARK.name} is used")

    def get_default_screen(self) -> Screen[Any]:
        """The screen to start with."""
        return self._make_screen(self.DEFAULT_MODE)

    def _make_screen(self, mode: str) -> Screen[Any]:
        """The screen of a mode, on the project that is open."""
        screen = screen_class(mode)(self.context, self.project)
        if self._file is not None and mode == "datasets":
            screen.first_file = self._file  # type: ignore[attr-defined]
        return screen

    def on_mount(self) -> None:
        """Put up the guards that need a running loop."""
        for mode in MODES:
            self.add_mode(mode, partial(self._make_screen, mode))
        workarounds.repaint_after_resume(self)
        self.call_after_refresh(startup.settle)
        self.watch_jobs()
        if not self.is_headless:
            leave_on_signals(asyncio.get_running_loop(), lambda code: self.exit(return_code=code))
        for notice in self._notices:
            self.notify(notice, severity="warning", timeout=12, markup=False)

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; what the screens have to say is kept for the terminal that comes back."""
        self.last_words = self._last_words()
        super().exit(result, return_code, message)

    def _last_words(self) -> list[str]:
        frames = (screen for stack in self._screen_stacks.values() for screen in stack if isinstance(screen, Frame))
        return [words for frame in frames if (words := frame.last_words())]

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """No cursor blinks: nothing moves when nothing happens."""
        workarounds.still_cursor(event.widget)

    def on_resize(self, event: events.Resize) -> None:
        """Say calmly when the terminal is too small, and go on where it was when it is large again."""
        text = too_small(event.size.width, event.size.height)
        if text is None and self._size_is_fine:
            return
        from workbench.screens.dialogs.small import TooSmallScreen

        self._size_is_fine = text is None
        covered = isinstance(self.screen, TooSmallScreen)
        if text is not None and not covered:
            self.push_screen(TooSmallScreen())
        elif text is None and covered:
            self.pop_screen()

    def get_line_filters(self) -> list[LineFilter]:
        """Nothing that a terminal would obey leaves the app."""
        return [*super().get_line_filters(), _CONTROL_CHARACTERS]

    def _fatal_error(self) -> None:
        """An unforeseen error ends the app with one sentence; the trace, without values, goes to the log."""
        self.crash = self._exception
        log.critical("the app ended", exc_info=self._exception)
        self._close_messages_no_wait()

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what was asked for; what cannot be done is told, and the app goes on."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except WorkbenchError as error:
            self.show_error(error)
            return True

    def show_error(self, error: WorkbenchError) -> None:
        """Show a failure: what, why and the way out."""
        from workbench.screens.dialogs.message import MessageDialog

        self.push_screen(MessageDialog.of(error))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by whatever works here, and say by what."""
        self.run_worker(self._copy(text), group="copy", exit_on_error=False)

    async def _copy(self, text: str) -> None:
        fallback = self.context.home / "copied.txt"
        copied = await clipboard.copy(text, self.context.environ, super().copy_to_clipboard, fallback)
        self.notify(copied.notice, markup=False)

    async def action_mode(self, mode: str) -> None:
        """Switch to a mode."""
        await self.switch_mode(mode)

    @property
    def _place(self) -> str:
        """The registry's scope of what is on screen."""
        return self.screen.place if isinstance(self.screen, Frame) else self.current_mode

    def action_help(self) -> None:
        """What this screen is for, and its keys."""
        self._show_help(self.screen.HELP or "", [*working_in(self._place)])

    def action_keys(self) -> None:
        """Every key."""
        self._show_help("", [*working_in(self._place)])

    def _show_help(self, markdown: str, actions: list[Action]) -> None:
        from workbench.screens.dialogs.help import HelpDialog

        self.push_screen(HelpDialog(markdown, actions, self.context.config.keymap))

    def action_interrupt(self) -> None:
        """The second one within a few seconds quits."""
        now = time.monotonic()
        if now - self._interrupted_at <= TWICE_S:
            self.exit()
        else:
            self._interrupted_at = now
            found = unapplied(self._screen_stacks)
            lost = "" if found is None else f" What is not applied is lost: {found.what}."
            self.notify(f"Press ctrl+c again to quit. Jobs run on.{lost}", timeout=TWICE_S, markup=False)

    async def action_quit(self) -> None:
        """Leave; changes that nobody applied are asked about first, where they were made."""
        found = unapplied(self._screen_stacks)
        if found is None:
            self.exit()
            return
        if self.current_mode != found.mode:
            await self.switch_mode(found.mode)
        self.push_screen(leave_question(found.what), partial(self._leave, found))

    def _leave(self, found: Unapplied, answer: str | None) -> None:
        if answer == DROP:
            self.exit()
        elif answer == APPLY:
            self.run_worker(self._apply_and_quit(found.screen), group="quit", exclusive=True, exit_on_error=False)

    async def _apply_and_quit(self, screen: Frame) -> None:
        if await apply(self, screen):
            await self.action_quit()  # another mode may have something too

    def action_profiles(self) -> None:
        """Where models are trained and answer."""
        self._put_on_top("profiles")

    def action_deployments(self) -> None:
        """What answers and costs at Azure, and what lingers."""
        self._put_on_top("deployments")

    def action_rescue(self) -> None:
        """The fine-tuned models of a provider, and what can be brought home."""
        self._put_on_top("rescue")

    def _put_on_top(self, name: str) -> None:
        """One of them stands in a mode once: where it is below the other, that one goes."""
        module, class_name = OVER[name]
        wanted: type[Frame] = getattr(importlib.import_module(module), class_name)
        if any(isinstance(screen, wanted) for screen in self.screen_stack):
            while not isinstance(self.screen, wanted):
                self.pop_screen()
            return
        screen = wanted(self.context, self.project)
        screen.shown_in = self.current_mode
        self.push_screen(screen)

    def action_projects(self) -> None:
        """Choose a project, or make one of a sample."""
        from workbench.screens.dialogs.projects import ProjectsDialog
        from workbench.workflow.project import list_projects, sample_names

        dialog = ProjectsDialog(list_projects(self.context), sample_names(), self.project.slug)
        self.push_screen(dialog, self._chosen_project)

    def _chosen_project(self, choice: str | None) -> None:
        from workbench.workflow.project import list_projects, new_project, open_project, remember_project

        if choice is None or choice == self.project.slug:
            return
        try:
            if choice.startswith("sample:"):
                sample = choice.removeprefix("sample:")
                taken = {project.slug for project in list_projects(self.context)}
                names = (sample, *(f"{sample}-{number}" for number in range(2, 1000)))
                project = new_project(self.context, next(name for name in names if name not in taken), sample)
            else:
                project = open_project(self.context, choice)
            remember_project(self.context, project)
        except WorkbenchError as error:
            self.show_error(error)
            return
        self.call_later(self.show_project, project)

    async def show_project(self, project: Project) -> None:
        """Every mode on another project; modes that were not on screen are made when they are."""
        for words in self._last_words():
            self.notify(words, timeout=8, markup=False)
        self.project, self._file = project, None
        here = self.current_mode
        # A mode cannot be removed while it is on screen, and its first screen cannot be switched (Textual 8.2.8).
        self.add_mode(_BETWEEN, Screen)
        with self.batch_update():
            await self.switch_mode(_BETWEEN)
            for mode in MODES:
                await self.remove_mode(mode)
                self.add_mode(mode, partial(self._make_screen, mode))
            await self.switch_mode(here)
            await self.remove_mode(_BETWEEN)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action that works here, from the registry."""
        for action in working_in(self._place):
            if action.palette and action.scope != LIST:
                key = f"{action.shown_keys} · " if action.keys else ""
                yield SystemCommand(action.title, f"{key}{action.help}", partial(self._do, action))

    async def _do(self, action: Action) -> None:
        await self.run_action(action.action, self if action.scope == APP else self.screen)


def run(
    context: Context,
    project: Project | None = None,
    start: str | None = None,
    file: Path | None = None,
    *,
    mouse: bool = True,
) -> int:
    """Open the workbench in this terminal; returns the exit code (129 and 143 after a hang-up and a SIGTERM).

    `prepare_environment` of `terminal.bandwidth` has to run before this module is imported. Raises WorkbenchError when
    the app ended in a way that nobody foresaw.
    """
    # Threads hand the interpreter on ten times as often as by default: a filter at work must not hold up the keys.
    sys.setswitchinterval(0.0005)
    path = context.home / "log" / "ftwb.log"
    remembered = context.remembered.mode
    start = start or ("datasets" if file is not None or remembered not in MODES else remembered)
    app = WorkbenchApp(context, project, start, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    try:
        with guarded_screen(path):
            app.run(mouse=mouse)
    finally:
        log.removeHandler(handler)
        handler.close()
    for words in app.last_words:
        sys.stderr.write(f"ftwb: {without_controls(words)}\n")
    if app.crash is not None:
        why = f"stopped unexpectedly ({type(app.crash).__name__}: {app.crash})"
        raise WorkbenchError("the workbench", why, f"the trace is in {path}; jobs run on", code="internal")
    _remember_place(context, app.current_mode)
    return app.return_code or 0


def _remember_place(context: Context, mode: str) -> None:
    from workbench.workflow.config import Remembered

    context.store.update("workspace.toml", Remembered, lambda seen: seen.model_copy(update={"mode": mode}))
