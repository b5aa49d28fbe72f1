"""Profiles: where models are trained and answer. Added, edited, tested call by call, removed; a key is never shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync
from workbench.screens.frame import Frame
from workbench.screens.profile_lines import Tried, lines_of, state_of
from workbench.terminal.escape import visible_line
from workbench.widgets import clock
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Column, Table
from workbench.widgets.textline import Line, Piece, TextLine, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.providers.probe import Probe, Probed
    from workbench.screens.dialogs.profile import ProfileAnswer
    from workbench.workflow.context import Context
    from workbench.workflow.profile_facts import ProfileFacts
    from workbench.workflow.project import Project

COLUMNS: Final = (
    Column("profile"),
    Column("kind", gives_way=2),
    Column("host", grows=True),
    Column("key from", grows=True, gives_way=1),
    Column("state"),
)


class ProfilesRead(Message):
    """What `config.toml` and the environment say now."""

    def __init__(self, found: Sequence[ProfileFacts], cursor: str | None) -> None:
        super().__init__()
        self.found = tuple(found)
        self.cursor = cursor
        """The profile to put the cursor on."""


class CallAnswered(Message):
    """One call of a test."""

    def __init__(self, name: str, call: Probe) -> None:
        super().__init__()
        self.name = name
        self.call = call


class TestEnded(Message):
    """A test came to its end."""

    __test__ = False  # for pytest, which takes it for a class of tests

    def __init__(self, name: str, ended: Probed | WorkbenchError) -> None:
        super().__init__()
        self.name = name
        self.ended = ended


class ProfilesScreen(Frame):
    """The list above, the profile under its cursor below; escape goes back."""

    MODE = "jobs"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("profiles")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("profiles"))
    AUTO_FOCUS = "#profiles LineList"
    HELP = """\
# Profiles

A *profile* says where models are trained and answer: OpenAI, Azure, any server that speaks OpenAI's API, this \
machine, or a recording that needs no network. It never holds a key, only where one comes from: an environment \
variable, a command that prints it (`pass show openai`), or for Azure whoever is signed in with Entra.

`n` adds one, `e` or enter edits, `t` tests: each call that the profile claims to have is made once, with the time it \
took; only calls that read and cost nothing. `d` removes; one that comes with ftwb is put back as it was.
"""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.profiles: tuple[ProfileFacts, ...] = ()
        self.tried: dict[str, Tried] = {}
        """The last test of each profile, while the screen lives."""
        self._head = TextLine(id="head")
        self._table = Table(COLUMNS, empty="Reading the profiles…", id="profiles")
        self._about = Reading(id="about")

    def compose_body(self) -> Iterable[Widget]:
        """The list, then the profile under its cursor."""
        yield self._head
        yield self._table
        yield self._about

    def on_mount(self) -> None:
        """What all this is."""
        said = "where models are trained and answer; keys are never kept here"
        self._head.show([Piece(" Profiles  ", "strong"), Piece(said, "muted")])

    def on_screen_resume(self) -> None:
        """Somebody may have edited `config.toml` meanwhile."""
        self.read_profiles()

    @work(exclusive=True, group="profiles", exit_on_error=False)
    async def read_profiles(self, cursor: str | None = None) -> None:
        """Read them; nobody is asked."""
        from workbench.workflow.profile_facts import known_profiles

        self.post_message(ProfilesRead(await aside_sync(lambda: known_profiles(self.context)), cursor))

    @on(ProfilesRead)
    def show_profiles(self, message: ProfilesRead) -> None:
        """The list, the cursor where it was or on the one that was just kept."""
        here = message.cursor or (self.profile.name if self.profile is not None else None)
        self.profiles = message.found
        names = [facts.name for facts in self.profiles]
        self._show_list(cursor=names.index(here) if here in names else 0)

    def _show_list(self, cursor: int | None = None) -> None:
        self._table.show_cells([self._cells(facts) for facts in self.profiles], cursor=cursor)

    def _cells(self, facts: ProfileFacts) -> list[Piece]:
        return [
            Piece(visible_line(facts.name)),
            Piece(facts.kind, "muted"),
            Piece(visible_line(facts.host)),
            Piece(visible_line(facts.key_from), "muted"),
            state_of(facts, self.tried.get(facts.name)),
        ]

    @property
    def profile(self) -> ProfileFacts | None:
        """The profile under the cursor."""
        row = self._table.list.cursor
        return self.profiles[row] if row < len(self.profiles) else None

    @on(LineList.Moved, "#profiles LineList")
    def profile_under_cursor(self) -> None:
        """Show it."""
        self._show_profile()

    def _show_profile(self, *, keep_place: bool = False) -> None:
        facts = self.profile
        if facts is not None:
            self._about.border_title = title(facts.name)
            tried = self.tried.get(facts.name)

            def lines(width: int) -> list[Line]:
                return lines_of(facts, tried, width)

            self._about.show_text(lines, keep_place=keep_place)
        self.refresh_bindings()

    # Testing --------------------------------------------------------------------------------------------------------

    def action_test(self) -> None:
        """Make every call that the profile claims to have."""
        if self.profile is not None:
            self.action_stop()
            self.tried[self.profile.name] = Tried("running", clock.now())
            self._show_list()
            self.test_profile(self.profile.name)

    @work(exclusive=True, group="test", exit_on_error=False)
    async def test_profile(self, name: str) -> None:
        """Hand on each call as it answers."""
        from workbench.workflow.profiles import try_profile

        def told(call: Probe) -> None:
            self.post_message(CallAnswered(name, call))

        try:
            ended: Probed | WorkbenchError = await aside(try_profile(self.context, name, told))
        except WorkbenchError as error:
            ended = error
        self.post_message(TestEnded(name, ended))

    @on(CallAnswered)
    def show_call(self, message: CallAnswered) -> None:
        """Its line."""
        tried = self.tried.get(message.name)
        if tried is not None and tried.state == "running":
            self.tried[message.name] = replace(tried, calls=(*tried.calls, message.call))
            self._show_profile(keep_place=True)

    @on(TestEnded)
    def show_ended(self, message: TestEnded) -> None:
        """All calls with the models, or why none could be made."""
        tried = self.tried.get(message.name)
        if tried is None or tried.state != "running":
            return
        if isinstance(message.ended, WorkbenchError):
            self.tried[message.name] = replace(tried, state="failed", error=message.ended)
        else:
            ended = message.ended
            self.tried[message.name] = replace(tried, state="done", calls=ended.probes, models=ended.models)
        self._show_list()

    def action_stop(self) -> None:
        """Stop the test that is under way; what has answered stays."""
        self.workers.cancel_group(self, "test")
        for name, tried in self.tried.items():
            if tried.state == "running":
                self.tried[name] = replace(tried, state="stopped")
        self._show_list()

    # Keeping and removing -------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        """Ask for a profile."""
        from workbench.screens.dialogs.profile import ProfileDialog

        self.app.push_screen(ProfileDialog(self.context), self.answered)

    @on(LineList.Chosen, "#profiles LineList")
    def action_edit(self) -> None:
        """Ask what is to be different."""
        from workbench.screens.dialogs.profile import ProfileDialog

        if self.profile is not None:
            profile = self.context.profile(self.profile.name)
            self.app.push_screen(ProfileDialog(self.context, profile), self.answered)

    def answered(self, answer: ProfileAnswer | None) -> None:
        """Keep what the form says."""
        if answer is not None:
            self.tried.pop(answer.name, None)
            self.keep_profile(answer)

    @work(group="keep", exit_on_error=False)
    async def keep_profile(self, answer: ProfileAnswer) -> None:
        """Write it into `config.toml`."""
        from workbench.workflow.profiles import add_profile, change_profile

        keep = add_profile if answer.new else change_profile
        await aside_sync(lambda: keep(self.context, answer.name, **answer.fields))
        self.read_profiles(answer.name)

    def action_remove(self) -> None:
        """Forget it, after a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog

        facts = self.profile
        if facts is None:
            return
        kept = "Its jobs and runs stay; its key was never kept here."
        back = f"What comes with ftwb under that name is back then. {kept}" if facts.shipped else kept
        dialog = ConfirmDialog(f"Remove the profile {facts.name}?", back)

        def said(yes: bool | None) -> None:
            if yes:
                self.tried.pop(facts.name, None)
                self.remove_profile(facts.name)

        self.app.push_screen(dialog, said)

    @work(group="keep", exit_on_error=False)
    async def remove_profile(self, name: str) -> None:
        """Take it out of `config.toml`."""
        from workbench.workflow.profiles import remove_profile

        await aside_sync(lambda: remove_profile(self.context, name))
        self.read_profiles()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "stop":
                return any(tried.state == "running" for tried in self.tried.values())
            case "remove":
                return self.profile is not None and self.profile.own
            case "test" | "edit":
                return self.profile is not None
        return True

    def action_back(self) -> None:
        """Back to where one was; a test that is under way is stopped."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """What is below where the keys are there, else the address."""
        if self.focused is self._about or self.profile is None:
            return self._about.text
        return self.profile.address or self.profile.name
