"""How deployments and what lingers are looked at: profile by profile, two lists, and a meter that runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from textual import events, on, work
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from workbench.screens import deployment_rows as rows
from workbench.screens.aside import aside
from workbench.screens.frame import Frame
from workbench.widgets import clock
from workbench.widgets.lines import LineList
from workbench.widgets.pace import tick_s
from workbench.widgets.reading import Reading
from workbench.widgets.table import Table
from workbench.widgets.textline import Line, Piece, TextLine, title
from workbench.widgets.words import amount, origin_word

if TYPE_CHECKING:
    from workbench.providers.profiles import Profile
    from workbench.workflow.cleanup import Kind, Leftovers, Lingering
    from workbench.workflow.context import Context
    from workbench.workflow.deployments import Hosted
    from workbench.workflow.project import Project

COMING_UP_S: Final = 5.0
"""Between two looks while a deployment is coming up."""
STALE_S: Final = 60.0
"""A look that is older is repeated when one comes back."""
METER_TICKS: Final = 5
"""The meter is read at every fifth tick: it counts cents."""

Key = tuple[str, "Kind", str]
"""Profile, kind and id of something that can be deleted."""


class Looked(Message):
    """What the profiles hold, as far as they were asked."""

    def __init__(self, found: Leftovers, *, all_of_them: bool) -> None:
        super().__init__()
        self.found = found
        self.all_of_them = all_of_them

    def can_replace(self, message: Message) -> bool:
        """The later one has more."""
        return isinstance(message, Looked)


class Looking(Frame):
    """Base of the Deployments screen: everything that only looks."""

    MODE = "jobs"

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.found: Leftovers | None = None
        self.marked: dict[Key, None] = {}
        """What is to be deleted, in the order of the marks."""
        self._complete = False
        """All profiles were asked once: half an answer shows less than what stands there."""
        self._looking = False
        self._looked_at = 0.0
        """When all were asked last."""
        self._asked_of: Mapping[str, Profile] = {}
        """The person's profiles then."""
        self._acting = ""
        """What cannot be left now: a request is under way whose end must be seen."""
        self._again: Timer | None = None
        self._ticks = 0
        self._meter = TextLine(id="meter")
        self._deployments = Table(rows.DEPLOYMENT_COLUMNS, empty="Asking Azure…", id="deployments")
        self._lingering = Table(rows.LINGERING_COLUMNS, empty="Asking the providers…", id="lingering")
        self._about = Reading(id="about")
        self._in_use = self._deployments
        self._shown = ""
        """The name of what is shown below."""

    def compose_body(self) -> Iterable[Widget]:
        """The meter, both lists, what is under the cursor."""
        yield self._meter
        yield self._deployments
        yield self._lingering
        yield self._about

    def on_mount(self) -> None:
        """The meter runs while somebody looks."""
        self._lingering.border_title = "models and files that linger"
        self.set_interval(tick_s(self.context.environ) * METER_TICKS, self.read_meter)

    def on_screen_resume(self) -> None:
        """Look again where it is worth it: a dialog that closes brings nothing new, another profile does."""
        old = clock.now() - self._looked_at > STALE_S
        if old or self._asked_of != self.context.config.profiles:
            self.action_refresh()

    def on_screen_suspend(self) -> None:
        """Off screen: ask nobody for what nobody sees."""
        if self._looking:
            self.workers.cancel_group(self, "look")
            self._looking, self._looked_at = False, 0.0

    # Looking --------------------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        """Ask all profiles."""
        self._looking, self._asked_of = True, self.context.config.profiles
        self._show_meter()
        self.look()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def look(self) -> None:
        """Hand on what is found, profile by profile."""
        from workbench.workflow.cleanup import leftovers

        def told(found: Leftovers) -> None:
            self.post_message(Looked(found, all_of_them=False))

        try:
            found = await aside(leftovers(self.context, now=clock.now(), told=told))
        finally:
            self._looking = False
        self.post_message(Looked(found, all_of_them=True))

    @on(Looked)
    def show_looked(self, message: Looked) -> None:
        """Both lists; half an answer does not take away what was there before."""
        if not message.all_of_them and self._complete:
            return
        self.found, self._complete = message.found, message.all_of_them or self._complete
        there = {*map(key_of, self.deployments), *map(key_of, self.lingering)}
        if message.all_of_them:
            self._looked_at = clock.now()
            self.marked = {key: None for key in self.marked if key in there}
        self._say_why_empty(message.all_of_them)
        self._show_lists()
        if message.all_of_them and not self.deployments and self.lingering and self.focused is self._deployments.list:
            self._lingering.list.focus()
        self._look_again_for_those_coming_up()

    def _say_why_empty(self, all_asked: bool) -> None:
        from workbench.workflow.deployments import azure_profiles

        nameless = "No Azure profile names its resource: F3 has the profiles, e edits one."
        nothing = "No deployments: n makes one." if azure_profiles(self.context) else nameless
        self._deployments.list.empty = nothing if all_asked else "Asking Azure…"
        self._lingering.list.empty = "Nothing lingers." if all_asked else "Asking the providers…"

    def _look_again_for_those_coming_up(self) -> None:
        if self._again is not None:
            self._again.stop()
            self._again = None
        if any(rows.status_piece(one.status).text.startswith("◌") for one in self.deployments):
            self._again = self.set_timer(COMING_UP_S, self.look_again)

    def look_again(self) -> None:
        """Ask again, if somebody is there to see it."""
        if self.is_current:
            self.action_refresh()

    # What is shown --------------------------------------------------------------------------------------------------

    @property
    def deployments(self) -> tuple[Hosted, ...]:
        """As last seen."""
        return self.found.deployments if self.found is not None else ()

    @property
    def lingering(self) -> tuple[Lingering, ...]:
        """Models, then files."""
        return (*self.found.models, *self.found.files) if self.found is not None else ()

    @property
    def list_in_use(self) -> Table:
        """The list that has the keys, or had them last."""
        for table in (self._deployments, self._lingering):
            # Not `has_focus`, which follows later: keys may come faster.
            if self.focused is table.list:
                self._in_use = table
        return self._in_use

    @property
    def current(self) -> Hosted | Lingering | None:
        """What is under the cursor of the list that has the keys, or had them last."""
        if self.list_in_use is self._lingering:
            at = self._lingering.list.cursor
            return self.lingering[at] if at < len(self.lingering) else None
        at = self._deployments.list.cursor
        return self.deployments[at] if at < len(self.deployments) else None

    def read_meter(self) -> None:
        """The meter as it stands now; nobody is asked, and nothing is drawn where no cent changed."""
        from workbench.workflow.deployments import metered

        if self.found is None or not self.deployments or not self.is_current:
            return
        before = self.deployments
        now = tuple(metered(one, clock.now()) for one in before)
        self.found = self.found.model_copy(update={"deployments": now})
        self._show_meter()
        if [_drawn(one) for one in before] != [_drawn(one) for one in now]:
            self._show_deployments()

    def _show_lists(self) -> None:
        with self.app.batch_update():
            self._show_deployments()
            self._lingering.show_cells(
                [rows.lingering_cells(one, key_of(one) in self.marked) for one in self.lingering]
            )
            self._show_meter()
            self.show_about()

    def _show_deployments(self) -> None:
        cells = [rows.deployment_cells(one, key_of(one) in self.marked) for one in self.deployments]
        self._deployments.show_cells(cells)

    def _show_meter(self) -> None:
        from workbench.workflow.deployments import ends_soon, meter

        under_way = f"{self._acting}… " if self._acting else "asking… " if self._looking else ""
        right = [Piece(under_way, "accent" if self._acting else "muted")] if under_way else []
        if not self.deployments:
            left = [Piece(" Deployments", "strong"), Piece("  what answers and costs, and what lingers", "muted")]
            self._meter.show(left, right)
            return
        count = len(self.deployments)
        left = [Piece(f" {count:,} deployed  ", "strong")]
        sum_of = meter(self.deployments)
        if sum_of.per_hour.value is None:
            left.append(Piece("no price by the hour is known", "muted"))
        else:
            hour, month = amount(sum_of.per_hour.value, "USD"), amount(sum_of.per_month.value or 0.0, "USD")
            left += [
                Piece(f"{amount(sum_of.so_far.value or 0.0, 'USD')} so far", "strong"),
                Piece(f"  {hour} an hour  {month} a month"),
                Piece(f"  {origin_word(sum_of.so_far)}", "muted"),
            ]
        if soon := sum(map(ends_soon, self.deployments)):
            right.insert(0, Piece(f"{soon:,} end{'s' if soon == 1 else ''} within a day ", "warning"))
        self._meter.show(left, right)

    @on(LineList.Moved)
    def show_about(self) -> None:
        """What is under the cursor, the commands that do the same, and what could not be asked."""
        from workbench.workflow.cleanup import Lingering

        one = self.current
        name = key_of(one)[2] if one is not None else ""
        notes = self.found.notes if self.found is not None else ()
        commands = self._commands()

        def lines(width: int) -> list[Line]:
            shown: list[Line] = []
            if isinstance(one, Lingering):
                shown += rows.lingering_lines(one, width)
            elif one is not None:
                shown += rows.deployment_lines(one, width)
            shown += rows.command_lines(commands[-1:] if one is not None else (), width)
            return [*rows.note_lines(notes, width), *([()] if notes and shown else []), *shown]

        same, self._shown = self._shown == name, name
        self._about.border_title = title(name)
        self._about.show_text(lines, keep_place=same)
        self.refresh_bindings()

    @on(events.DescendantFocus)
    def focus_moved(self) -> None:
        """The other list has another cursor."""
        if self.found is not None and self.focused is not self._about:
            self.show_about()

    def _commands(self) -> list[tuple[str, str]]:
        """What `az` calls it: listing, then deleting what is under the cursor."""
        from workbench.workflow.cleanup import deleted_by_az
        from workbench.workflow.deployments import azure_profiles, same_by_az

        listing = [(f"list {name}", same_by_az(self.context, name, "list")) for name in azure_profiles(self.context)]
        if self.current is None:
            return listing
        key = key_of(self.current)
        showing = [("show", same_by_az(self.context, key[0], "show", key[2]))] if key[1] == "deployment" else []
        return [*listing, *showing, *(("delete", command) for command in deleted_by_az(self.context, [key]))]


def key_of(one: Hosted | Lingering) -> Key:
    """What it is deleted by."""
    from workbench.workflow.cleanup import Lingering

    return (one.profile, one.kind, one.id) if isinstance(one, Lingering) else (one.profile, "deployment", one.name)


def _drawn(one: Hosted) -> list[str]:
    return [piece.text for piece in rows.deployment_cells(one, marked=False)] + [one.expires or ""]
