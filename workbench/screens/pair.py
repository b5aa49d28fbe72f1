"""Two answers to one prompt, and the words in which they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.dataset.formats import Format, Pair, RecordError, content_text, parse_pair
from workbench.dataset.words import Span, diff_words
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.flow import flow
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

OPEN, CLOSE = "⟦", "⟧"
"""Around words that only one answer has: not by colour alone."""
LONGEST: Final = 40_000
"""Characters of an answer that are compared and shown."""
SHARED: Final = 160
"""Characters of a stretch that both share, above which it can be left out."""

_TITLES = ("● preferred", "other")


def pair_lines(value: Any, fmt: Format, width: int, *, only_differing: bool = False) -> list[Line]:
    """The pair of a record, one part above the other: prompt, preferred answer, other answer."""
    try:
        pair = parse_pair(value, fmt)
    except RecordError as error:
        return [(Piece(f"✗ {visible_line(str(error))}", "bad"),)]
    lines: list[Line] = [*_prompt(pair, width)]
    for title, spans in zip(_TITLES, _differences(pair), strict=True):
        lines += [(Piece(title, "strong"),), *_answer(spans, width, only_differing), ()]
    return lines


def _prompt(pair: Pair, width: int) -> Iterator[Line]:
    for message in pair.prompt:
        yield (Piece(visible_line(str(message.get("role", ""))), "strong"),)
        text = visible(content_text(message.get("content"))[:LONGEST])
        yield from flow([Piece(text or "(empty)", "muted")], width, Piece("  "))
        yield ()


def _text_of(messages: Sequence[dict[str, Any]]) -> str:
    """An answer as one text; of several messages each with its role."""
    if len(messages) == 1 and messages[0].get("role") == "assistant":
        return _said(messages[0])
    return "\n".join(f"{message.get('role', '')}: {_said(message)}" for message in messages)


def _said(message: dict[str, Any]) -> str:
    text = content_text(message.get("content"))
    if not message.get("tool_calls"):
        return text
    from workbench.dataset.editing import to_json

    return f"{text}\n{to_json(message['tool_calls'])}".strip("\n")


def _differences(pair: Pair) -> tuple[list[Span], list[Span]]:
    return diff_words(_text_of(pair.preferred)[:LONGEST], _text_of(pair.other)[:LONGEST])


def _answer(spans: Sequence[Span], width: int, only_differing: bool) -> list[Line]:
    pieces: list[Piece] = []
    for span in spans:
        text = visible(span.text)
        if span.kind == "only_here":
            # Blanks at its end stand outside, so that the bracket does not begin a line.
            bare = text.rstrip()
            pieces.append(Piece(f"{OPEN}{bare}{CLOSE}{text[len(bare) :]}", "accent"))
        elif only_differing and len(text) > SHARED:
            pieces.append(Piece(f"{text[: SHARED // 3]} […] {text[-SHARED // 3 :]}"))
        else:
            pieces.append(Piece(text))
    return list(flow(pieces or [Piece("(empty)", "muted")], width, Piece("  ")))


class PairScreen(Frame):
    """Over the record: side by side on a wide screen, one above the other on a narrow one."""

    MODE = "datasets"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("pair")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("pair"))
    AUTO_FOCUS = "#preferred"
    HELP = """\
# Two answers

A preference record holds two answers to one prompt. Words that only one of them has stand in ⟦ ⟧. `tab` goes from one \
text to the next, `d` leaves out long stretches that both share.
"""

    def __init__(self, context: Context, project: Project, value: Any, fmt: Format, title: str) -> None:
        super().__init__(context, project)
        self._title = title
        self._pair: Pair | None = None
        self._fault = ""
        try:
            self._pair = parse_pair(value, fmt)
        except RecordError as error:
            self._fault = str(error)
        self._only_differing = False
        self._head = TextLine(id="head")
        self._prompt = Reading(id="prompt")
        self._sides = (Reading(id="preferred"), Reading(id="other"))

    def compose_body(self) -> Iterable[Widget]:
        """What it is about, the prompt above, the answers below."""
        yield self._head
        yield self._prompt
        with Container(id="answers"):
            yield from self._sides

    def on_mount(self) -> None:
        """Show them."""
        for reading, title in zip(self._sides, _TITLES, strict=True):
            reading.border_title = title
        pair = self._pair
        if pair is None:
            self._prompt.show_text(lambda width: [(Piece(f"✗ {visible_line(self._fault)}", "bad"),)])
            return
        self._prompt.show_text(lambda width: list(_prompt(pair, width)))
        self._show_answers()

    def _show_answers(self) -> None:
        if self._pair is None:
            return
        both = _differences(self._pair)
        same = all(span.kind == "same" for side in both for span in side)
        for reading, spans in zip(self._sides, both, strict=True):
            reading.show_text(partial(self._lines, spans))
        right = [Piece("✗ both answers are the same ", "bad")] if same else []
        if self._only_differing:
            right.append(Piece("only what differs ", "warning"))
        self._head.show([Piece(f" {visible_line(self._title)}", "strong")], right)

    def _lines(self, spans: Sequence[Span], width: int) -> Sequence[Line]:
        return _answer(spans, width, self._only_differing)

    def action_only(self) -> None:
        """Leave out long stretches that both share, or show them again."""
        self._only_differing = not self._only_differing
        self._show_answers()

    def action_back(self) -> None:
        """Back to the record."""
        self.dismiss()

    def text_to_copy(self) -> str:
        """The answer that has the keys."""
        reading = next((one for one in self._sides if one.has_focus), self._sides[0])
        return reading.text
