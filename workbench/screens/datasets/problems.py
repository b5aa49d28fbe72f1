"""What the rules found: a pane with every rule and its places, and the way to the next problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import Binding, BindingType

from workbench.screens.datasets.base import RecordsScreen
from workbench.screens.datasets.facts import RuleCount
from workbench.screens.datasets.open_file import OpenFile
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.rows import RowId
    from workbench.dataset.rules import Finding
    from workbench.screens.datasets.row_set import RowSet


class ProblemList(LineList):
    """Rules with their counts; the one that is open has its places below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "screen.rule_help", show=False),
        Binding("right,l", "screen.open_rule(True)", show=False),
        Binding("left", "screen.open_rule(False)", show=False),
    ]


class Place(NamedTuple):
    """What one line of the pane is about."""

    rule: RuleCount
    row: RowId | None = None
    """None: the rule itself."""
    whole: Finding | None = None
    """A finding about the file as a whole."""


class Problems(RecordsScreen):
    """The pane, `e`, and the pages of help."""

    _rules: tuple[RuleCount, ...] = ()
    _opened: str = ""
    """Code of the rule whose places are shown."""
    _whole: tuple[Finding, ...] = ()
    _rows: NDArray[np.int64] | None = None
    """Rows in which that rule found something."""

    def problem_list(self) -> LineList:
        """With its own keys."""
        return ProblemList(id="problems")

    @property
    def shows_problems(self) -> bool:
        """Whether the pane is there."""
        return self.has_class("-problems")

    def file_changed(self) -> None:
        """Another file, other problems."""
        super().file_changed()
        self._opened, self._rows, self._whole = "", None, ()
        self._show_problems()

    def facts_changed(self) -> None:
        """More is known."""
        super().facts_changed()
        self._show_problems()

    def edits_changed(self) -> None:
        """Rows that were edited or deleted have no findings any more, or others."""
        super().edits_changed()
        self._show_problems()

    def action_problems(self) -> None:
        """Show the pane and go there; from there: take it away."""
        if self.shows_problems and self.problems.has_focus:
            self.remove_class("-problems")
            self.records.focus()
            return
        self.add_class("-problems")
        self._show_problems()
        self.problems.focus()

    # The pane -------------------------------------------------------------------------------------------------------

    def _show_problems(self) -> None:
        if not self.shows_problems:
            return
        file = self.file
        self._rules = () if file is None else _present(file)
        if file is None or file.facts is None:
            self.problems.empty = "not checked yet"
        else:
            self.problems.empty = "nothing found"
        self._open(self._opened if any(rule.code == self._opened for rule in self._rules) else "")

    def _open(self, code: str) -> None:
        """Show the places of a rule, of none where `code` is empty."""
        self._opened, self._rows, self._whole = code, None, ()
        if code and self.file is not None and self.file.facts is not None:
            self._rows = _rows_there(self.file, code, _there(self.file))
            self._whole = tuple(finding for finding in self.file.about_file() if finding.code == code)
        count = len(self._rules) + self._places
        self.problems.show_rows(count, self._line)

    @property
    def _places(self) -> int:
        return len(self._whole) + (0 if self._rows is None else len(self._rows))

    def _at(self, number: int) -> Place | None:
        """What a line of the pane is about."""
        opened = next((at for at, rule in enumerate(self._rules) if rule.code == self._opened), len(self._rules))
        if number <= opened:
            return Place(self._rules[number]) if number < len(self._rules) else None
        inside = number - opened - 1
        if inside >= self._places:
            return Place(self._rules[number - self._places])
        if inside < len(self._whole):
            return Place(self._rules[opened], whole=self._whole[inside])
        assert self._rows is not None
        return Place(self._rules[opened], row=int(self._rows[inside - len(self._whole)]))

    def _line(self, number: int) -> Line:
        place = self._at(number)
        if place is None:
            return ()
        mark = Piece("✗", "bad") if place.rule.severity == "error" else Piece("!", "warning")
        if place.whole is not None:
            where = "the file" if place.whole.line is None else f"line {place.whole.line:,}"
            return (Piece(f"    {where}  ", "muted"), Piece(visible_line(place.whole.text)))
        if place.row is None:
            sign = "−" if place.rule.code == self._opened else "+"
            name = f"{place.rule.code} {place.rule.name}"
            digits = max(len(f"{rule.findings:,}") for rule in self._rules)
            return (Piece(f"{sign} ", "muted"), mark, Piece(f" {place.rule.findings:>{digits},}  "), Piece(name))
        found = [finding for finding in self._findings(place.row) if finding.code == place.rule.code]
        more = f"  and {len(found) - 1} more" if len(found) > 1 else ""
        assert self.file is not None
        where = f"line {self.file.number_of(place.row)}"
        if found and found[0].message_index is not None:
            where += f", message {found[0].message_index + 1}"
        return (
            Piece(f"    {where}  ", "muted"),
            Piece(visible_line(found[0].text if found else "")),
            Piece(more, "muted"),
        )

    def _findings(self, row: RowId) -> tuple[Finding, ...]:
        return () if self.file is None else self.file.facts_of(row).findings

    @on(LineList.Chosen, "#problems")
    def choose_problem(self, message: LineList.Chosen) -> None:
        """A rule opens or closes; a place is gone to."""
        place = None if message.row is None else self._at(message.row)
        if place is None or place.whole is not None:
            return
        if place.row is None:
            self.action_open_rule(self._opened != place.rule.code)
            return
        found = [finding for finding in self._findings(place.row) if finding.code == place.rule.code]
        self.show_place(place.row, found[0].message_index if found else None)

    def action_open_rule(self, opened: bool) -> None:
        """Show the places of the rule under the cursor, or fold them."""
        place = self._at(self.problems.cursor)
        if place is None or (place.rule.code == self._opened) == opened:
            return
        self._open(place.rule.code if opened else "")
        self.problems.cursor = self._rules.index(place.rule)

    def show_place(self, row: RowId, message: int | None) -> None:
        """Put the list on a record and the record on a message."""
        if not self.go_to(row):
            self.notify("The filter does not show that record: escape shows all.", markup=False)
            return
        self.show_record(keep_place=True)
        start = 0
        if message is not None and message < len(self.message_starts):
            start = self.message_starts[message]
        # Forced: where the record before was short, its scrollbar is only about to come.
        self.record.scroll_to(y=start, animate=False, force=True)

    # The next problem, and what it is -------------------------------------------------------------------------------

    def action_next_problem(self) -> None:
        """To the next row that has a finding, from the start again after the last."""
        import numpy as np

        file, view = self.file, self.view
        if file is None or view is None:
            return
        severity = file.severities(view.rows())
        places = np.flatnonzero(severity)
        if not len(places):
            shown = "that the filter shows" if not view.wanted.is_all else "of this file"
            self.notify(f"No findings in the records {shown}.", markup=False)
            return
        following = places[places > self.records.cursor]
        self.records.cursor = int(following[0] if len(following) else places[0])

    def action_rule_help(self) -> None:
        """The page of the rule under the cursor of the pane; elsewhere of every rule that found something here."""
        from workbench.dataset.rules import find_rule
        from workbench.screens.dialogs.text import TextDialog

        codes: list[str] = []
        if self.problems.has_focus and self.problems.count:
            place = self._at(self.problems.cursor)
            codes = [] if place is None else [place.rule.code]
        elif self.row is not None:
            codes = list(dict.fromkeys(finding.code for finding in self._findings(self.row)))
        rules = [find_rule(code) for code in codes]
        if not rules:
            self.notify("No rule found anything in this record.", markup=False)
            return
        title = f"{rules[0].code} {rules[0].name}" if len(rules) == 1 else f"{len(rules)} rules found something here"
        pages = [f"{rule.code} {rule.name} ({rule.severity})\n\n{rule.page}" for rule in rules]
        self.app.push_screen(TextDialog(title, "\n\n\n".join(pages) if len(pages) > 1 else rules[0].page))


def _there(file: OpenFile) -> RowSet | None:
    """The rows that are in the document now; None where it is as it is on disk."""
    from workbench.screens.datasets.row_set import RowSet

    return RowSet(file.document.ids()) if file.unsaved else None


def _rows_there(file: OpenFile, code: str, there: RowSet | None) -> NDArray[np.int64]:
    """Rows in which a rule found something: of the file those that are as they were, and edited ones."""
    import numpy as np

    assert file.facts is not None
    rows = file.facts.known.rows_with((code,)).astype(np.int64)
    if there is None:
        return rows
    written = [row for row in file.rows_found(code) if row in there]
    return np.concatenate((rows[there.among(rows)], np.array(written, dtype=np.int64)))


def _present(file: OpenFile) -> tuple[RuleCount, ...]:
    """The rules with what they find in the rows as they are now."""
    if file.facts is None:
        return ()
    there = _there(file)
    if there is None:
        return file.facts.rules
    counts = []
    whole = [finding.code for finding in file.about_file()]
    for rule in file.rules_found():
        count = len(_rows_there(file, rule.code, there)) + whole.count(rule.code)
        if count:
            counts.append(rule._replace(findings=count))
    return tuple(counts)
