"""Blind votes: two answers to one item, without names; keys say which is better. Who was which comes at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.screens.aside import aside_sync
from workbench.screens.frame import Frame
from workbench.screens.item_text import indented
from workbench.terminal.escape import visible_line
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Line, Piece, TextLine, wrap
from workbench.widgets.words import interval, p_text, progress_bar, share

if TYPE_CHECKING:
    from workbench.evaluate.results import RunResult
    from workbench.evaluate.votes import Ballot, Choice, Matchup, Tally
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

_SHARE_BAR = 30
_QUESTION = 44
"""Cells that the head needs besides the names."""


class BallotRead(Message):
    """The items to vote on, and the votes so far."""

    def __init__(self, ballot: Ballot) -> None:
        super().__init__()
        self.ballot = ballot


class VotingScreen(Frame):
    """Over the Evaluate screen or the items; escape goes back, votes are kept."""

    MODE = "evaluate"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("voting")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("voting"))
    AUTO_FOCUS = "#a"
    HELP = """\
# Blind votes

Which answer is better? `a` or `b`; `t` when neither is; `s` skips the item; `u` takes the last vote back. Items come \
in random order, and which candidate is A is drawn anew for each, so that neither a name nor a side can sway you. \
Items to which both gave the same answer are left out. `r` shows the reference.

Votes are kept with the run as they are given; leave with `escape` and go on another day. When all items are voted on, \
or with `f`, the result tells who was which: wins, ties, an exact sign test over the wins (ties count for neither) \
and Wilson's interval of the share. Who looks at the result early and stops when it looks good makes p too small; \
so the result says after how many votes it was first seen.
"""

    def __init__(self, context: Context, project: Project, run: RunResult, one: str, other: str) -> None:
        super().__init__(context, project)
        self._run, self._pair = run, (one, other)
        self.ballot: Ballot | None = None
        self._seen: Tally | None = None
        """The result while it is on screen."""
        self._reference = False
        self._head = TextLine(id="head")
        self._asked = Reading(id="asked")
        self._answers = (Reading(id="a"), Reading(id="b"))

    def compose_body(self) -> Iterable[Widget]:
        """How far, what is asked, both answers."""
        yield self._head
        yield self._asked
        with Container(id="answers"):
            yield from self._answers

    def on_mount(self) -> None:
        """Read the answers."""
        for reading, name in zip(self._answers, "AB", strict=True):
            reading.border_title = name
        self._head.show([Piece(" Reading the answers…", "muted")])
        self.read_ballot()

    @work(exclusive=True, group="ballot", exit_on_error=False)
    async def read_ballot(self) -> None:
        """The items that both answered, and what was voted before."""
        self.post_message(BallotRead(await aside_sync(self._read)))

    def _read(self) -> Ballot:
        from workbench.evaluate.grid import grid
        from workbench.evaluate.votes import Ballot
        from workbench.workflow.runs import run_folder, run_items

        items = grid(run_items(self.context, self.project, self._run.run))
        return Ballot(run_folder(self.context, self.project, self._run.run), self._run.run, items, *self._pair)

    @on(BallotRead)
    def show_ballot(self, message: BallotRead) -> None:
        """Go on where it was."""
        self.ballot = message.ballot
        self._show()

    @property
    def matchup(self) -> Matchup | None:
        """The two answers to judge now; None while a result is shown."""
        return self.ballot.next if self.ballot is not None and self._seen is None else None

    def _show(self) -> None:
        ballot = self.ballot
        if ballot is None:
            return
        if ballot.next is None and self._seen is None:
            self._seen = ballot.look()
        self.set_class(self._seen is not None, "-result")
        matchup = self.matchup
        if self._seen is not None:
            tally = self._seen
            self._head.show([Piece(" The result", "strong")])
            self._asked.show_text(lambda width: list(_result(tally, width)))
            self._asked.focus()
        elif matchup is not None:
            self._show_matchup(ballot, matchup)
        self.refresh_bindings()

    def _show_matchup(self, ballot: Ballot, matchup: Matchup) -> None:
        # The question comes first; names of two models can be longer than the screen.
        room = max(8, (self.size.width - _QUESTION) // 2)
        first, second = (cut_middle(visible_line(name), room) for name in ballot.pair)
        done = [Piece(f" {ballot.done + 1:,} of {len(ballot):,}", "strong"), Piece("  which answer is better?")]
        self._head.show(done, [Piece(f"{first} and {second} ", "muted")])
        self._asked.show_text(lambda width: list(_asked(matchup, self._reference, width)))
        for reading, text in zip(self._answers, matchup.answers, strict=True):
            reading.show_text(partial(_answer, text))

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "vote" | "reference":
                return self.matchup is not None
            case "undo":
                return self.ballot is not None and bool(self.ballot.done)
            case "finish":
                return self.matchup is not None and self.ballot is not None and bool(self.ballot.done)
        return True

    def action_vote(self, choice: Choice) -> None:
        """Judge the item; the next one follows."""
        if self.ballot is not None and self.matchup is not None:
            self.ballot.vote(choice)
            self._show()

    def action_undo(self) -> None:
        """Ask the last item again; from the result, back to the votes."""
        if self.ballot is not None and self.ballot.undo():
            self._seen = None
            self._answers[0].focus()
            self._show()

    def action_reference(self) -> None:
        """Show what the data has as the answer, or hide it."""
        self._reference = not self._reference
        self._show()

    def action_finish(self) -> None:
        """See the result of the votes so far."""
        if self.ballot is not None:
            self._seen = self.ballot.look()
            self._show()

    def action_back(self) -> None:
        """From an early result back to the votes; else leave."""
        if self._seen is not None and self._seen.left:
            self._seen = None
            self._answers[0].focus()
            self._show()
        else:
            self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The text that has the keys."""
        reading = next((one for one in (self._asked, *self._answers) if one.has_focus), self._asked)
        return reading.text


def _asked(matchup: Matchup, reference: bool, width: int) -> Iterator[Line]:
    yield (Piece("asked", "accent"),)
    yield from indented(matchup.item.question, width)
    if reference:
        yield (Piece("reference", "good"),)
        yield from indented(matchup.item.plain.reference, width)


def _answer(text: str, width: int) -> list[Line]:
    return [*indented(text, width)] if text.strip() else [(Piece("  (empty)", "muted"),)]


def _result(tally: Tally, width: int) -> Iterator[Line]:
    """Who was which, and what the votes say."""
    for name, wins in zip(tally.pair, tally.wins, strict=True):
        part = wins / tally.votes if tally.votes else 0.0
        yield (Piece(visible_line(name), "strong"),)
        won = f" preferred {_count(wins, 'time')}"
        yield (Piece("  "), Piece(progress_bar(part, _SHARE_BAR), "accent"), Piece(won))
        yield ()
    rest = [_count(tally.ties, "tie"), f"{tally.skipped:,} skipped", f"{tally.left:,} not voted on"]
    if tally.same:
        rest.append(f"{tally.same:,} with the same answer from both, not asked")
    yield from _said(" · ".join(rest), width, "muted")
    yield ()
    yield from _said(*_verdict(tally, width))
    if tally.ci95 is not None:
        of = f"{tally.pair[0]} has {share(tally.share)} of the votes that are no tie, 95 % {interval(tally.ci95)}"
        yield from _said(f"{of}; exact sign test p {p_text(tally.p_value)}.", width)
    for text in _cautions(tally):
        yield ()
        yield from _said(text, width, "warning")


def _verdict(tally: Tally, width: int) -> tuple[str, int, str]:
    if tally.better is not None:
        return f"{tally.better} is preferred.", width, "good"
    if tally.underpowered:
        return "Too few votes: with fewer than 6 that are no tie, no difference can be shown.", width, "warning"
    return "Tied: these votes show no difference.", width, "strong"


def _cautions(tally: Tally) -> Iterator[str]:
    given = tally.votes + tally.skipped
    if tally.left:
        yield "The result was seen before all items were voted on: who stops when it looks good makes p too small."
    elif tally.looked_after is not None and tally.looked_after < given:
        after = f"{tally.looked_after:,} of {given:,} items"
        yield f"The result was first seen after {after}: later votes were blind still, but whether to go on was not."
    if tally.grouped:
        yield "Items come in groups, which this test takes for independent: the interval is too narrow."


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"


def _said(text: str, width: int, role: str = "") -> Iterator[Line]:
    for line in wrap(visible_line(text), width):
        yield (Piece(line, role),)
