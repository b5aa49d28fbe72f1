"""Choosing which records are shown: the filter line, sorting, a random sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input
from textual.worker import get_current_worker

from workbench.screens.datasets.base import RecordsScreen
from workbench.screens.datasets.memory import give_back
from workbench.screens.datasets.view import Sort, SortKey, View, Wanted

if TYPE_CHECKING:
    from workbench.screens.datasets.choosing import Chosen
    from workbench.screens.datasets.open_file import OpenFile

KEPT = 50
"""Filters that are remembered."""


class RowsChosen(Message):
    """Rows to show, so far."""

    def __init__(self, view: View, wanted: Wanted, chosen: Chosen) -> None:
        super().__init__()
        self.view = view
        self.wanted = wanted
        self.chosen = chosen

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, RowsChosen)


class FilterInput(Input):
    """One row to type a filter in; up and down go through earlier ones, down from the last one to the records."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.older_filter", show=False),
        Binding("down", "screen.newer_filter", show=False),
    ]


class Filtering(RecordsScreen):
    """Filter, sort and sample."""

    _past: ClassVar[list[str]] = []
    """Filters that were used since ftwb was started, the newest last."""
    _past_at = 0
    wanted = Wanted()
    """What is asked for; the view follows when it is found."""

    def file_changed(self) -> None:
        """Another file begins without a filter."""
        super().file_changed()
        self.wanted, self.filter_problem = Wanted(), ""
        self.query(FilterInput).remove()

    # The filter line ------------------------------------------------------------------------------------------------

    async def action_filter(self) -> None:
        """A line to type in, above the records."""
        fields = self.query(FilterInput)
        if fields:
            fields.first().focus()
            return
        field = FilterInput(self.wanted.text, placeholder='tokens>4096 role:tool "text" /regex/i', compact=True)
        field.add_class("filter")
        self._past_at = len(self._past)
        await self.mount(field, after=self.files)
        field.focus()

    @on(Input.Changed, ".filter")
    def filter_changed(self, message: Input.Changed) -> None:
        """Look for what is typed, as far as it can be read."""
        from workbench.dataset.query import QueryError, parse_query

        try:
            query = parse_query(message.value)
        except QueryError as error:
            self.filter_problem = f"column {error.column}: {error.why}; {error.hint}"
            self.show_files()
            return
        self.filter_problem = ""
        self.ask_for(replace(self.wanted, text=message.value, query=query if query.node is not None else None))

    @on(Input.Submitted, ".filter")
    def filter_done(self, message: Input.Submitted) -> None:
        """Keep the filter; keys go to the list."""
        text = message.value.strip()
        if text and not self.filter_problem:
            past = self._past
            past[:] = [*(other for other in past if other != text), text][-KEPT:]
        self.records.focus()

    def action_older_filter(self) -> None:
        """The filter that was used before."""
        self._recall(max(0, self._past_at - 1))

    def action_newer_filter(self) -> None:
        """The one after it; from the newest to the records."""
        if self._past_at >= len(self._past):
            self.records.focus()
        else:
            self._recall(self._past_at + 1)

    def _recall(self, at: int) -> None:
        fields = self.query(FilterInput)
        if fields and self._past:
            self._past_at = at
            fields.first().value = self._past[at] if at < len(self._past) else ""
            fields.first().action_end()

    def show_all(self) -> None:
        """All records again, in their order; the cursor stays on its record."""
        self.query(FilterInput).remove()
        self.filter_problem = ""
        self.ask_for(Wanted())
        self.records.focus()

    # Working it out -------------------------------------------------------------------------------------------------

    def ask_for(self, wanted: Wanted) -> None:
        """Show these rows as soon as they are found; those before stay until then."""
        self.wanted = wanted
        self.workers.cancel_group(self, "filter")
        if self.file is None or self.view is None:
            return
        if wanted.is_all:
            row = self.row
            self.view.wanted = wanted
            self.view.show(None)
            self.show_list(cursor=0)
            if row is not None:
                self.go_to(row)
            self.refresh_bindings()
            return
        self.choose_rows(self.file, self.view, wanted)

    @work(thread=True, exclusive=True, group="filter", exit_on_error=False)
    def choose_rows(self, file: OpenFile, view: View, wanted: Wanted) -> None:
        """Find the rows and post them, the first ones soon."""
        from workbench.screens.datasets.choosing import choose

        worker = get_current_worker()
        for chosen in choose(file, wanted, lambda: worker.is_cancelled):
            self.post_message(RowsChosen(view, wanted, chosen))

    @on(RowsChosen)
    def show_chosen(self, message: RowsChosen) -> None:
        """Only these rows, as long as nothing else was asked for since."""
        if message.view is not self.view or message.wanted != self.wanted or self.view is None:
            return
        row, before = self.row, self.view.wanted
        first = before != message.wanted
        # Who sorts or draws wants to see what comes first; who filters, to stay with the record.
        stays = before.sort == message.wanted.sort and before.seed == message.wanted.seed
        self.view.wanted = message.wanted
        self.view.show(message.chosen.rows)
        self.show_list(cursor=0 if first else None)
        if row is not None and (stays or not first) and (first or message.chosen.done):
            self.go_to(row)
        if message.chosen.done and self.file is not None:
            self.set_timer(1.0, partial(give_back, self.file.rows.size))
        self.refresh_bindings()

    def index_complete(self) -> None:
        """What was found so far was found in the first rows only."""
        super().index_complete()
        if not self.wanted.is_all:
            self.ask_for(self.wanted)

    def facts_changed(self) -> None:
        """A filter or an order that asks for what was not known before is worked out again."""
        super().facts_changed()
        if (self.wanted.query is not None and self.wanted.query.fields) or self.wanted.sort.key not in (
            "line",
            "size",
            "label",
        ):
            self.ask_for(self.wanted)

    def action_sort(self) -> None:
        """Choose what records are sorted by; what they are sorted by already is turned round."""
        from workbench.screens.dialogs.sort import SortDialog

        def chosen(key: SortKey | None) -> None:
            if key is None:
                return
            now = self.wanted.sort
            # Large ones first is what one looks for; lines and labels read from the start.
            descending = not now.descending if key == now.key else key not in ("line", "label")
            self.ask_for(replace(self.wanted, sort=Sort(key, descending)))

        self.app.push_screen(SortDialog(self.wanted.sort), chosen)

    def action_sample(self) -> None:
        """Ask how many, and draw them; again draws others."""
        from workbench.screens.dialogs.number import NumberDialog

        def chosen(count: int | None) -> None:
            if count is not None:
                self.ask_for(replace(self.wanted, sample=count, seed=self.wanted.seed + 1))

        about = "Rows drawn at random of those that the filter shows. 0 shows all again."
        self.app.push_screen(NumberDialog("How many", self.wanted.sample or 100, about), chosen)
