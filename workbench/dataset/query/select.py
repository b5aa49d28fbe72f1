"""Which rows of a file a query wants: columns first, then bytes, and only rows that are still in doubt are decoded.

Every part of a query gives two answers for a block of rows: those that *may* fit and those that *must*. What may but
need not is looked at row by row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workbench.dataset.formats import Format
from workbench.dataset.query.language import Query
from workbench.dataset.query.nodes import (
    FLAGS,
    ROLES,
    SEVERITIES,
    And,
    Has,
    Label,
    Node,
    Not,
    Number,
    Or,
    Regex,
    Role,
    Rule,
    Severity,
    Text,
)
from workbench.dataset.query.row import COMPARE, UNKNOWN, QueryRow, codes_of, in_structure, warning_codes
from workbench.dataset.rows import Rows
from workbench.dataset.search import Answer, Block, Expression, Literal, Prefilter, Words, blocks, line_numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE: Final = 256
"""Rows that are decoded in one go: some milliseconds."""
_PAUSE_S: Final = 0.001
"""Then other threads get the interpreter: a person may be moving the cursor meanwhile."""

_SIGNS: Final[dict[str, Prefilter]] = {
    "tools": Words(("tools", "tool_calls", "functions", "function_call")),
    "image": Literal("image", ignore_case=False),
    "weight": Words(("weight",)),
}
"""What the bytes of a row have that holds such a thing."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the analysis knows of the rows of the file, by row number; all arrays have the length of the file."""

    seen: NDArray[np.bool_]
    """Rows that were analysed; of the others nothing here counts."""
    turns: NDArray[np.integer[Any]]
    roles: NDArray[np.uint8]
    tokens: NDArray[np.integer[Any]]
    severity: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    size: NDArray[np.integer[Any]]
    rows_with: Callable[[Collection[str]], NDArray[np.int64]]
    """Rows in which one of these rules found something."""
    codes_at: Callable[[int], Collection[str]]
    """Rules that found something in a row."""


class Selected(NamedTuple):
    """Rows that fit, among those up to a row."""

    rows: NDArray[np.int64]
    """Numbers, ascending."""
    looked_at: int
    """How many rows of the file are decided by now."""


def select(
    query: Query,
    rows: Rows,
    fmt: Format,
    known: Known | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Selected]:
    """The rows of the file that fit, block by block in its order; ends early when `cancelled()` is true.

    Without `known`, or where a row was not analysed yet, tokens, findings and flags are unknown: nothing that asks for
    them holds there.
    """
    import numpy as np

    count = len(rows)
    plan = _Plan(rows, known)
    if query.node is None:
        yield Selected(np.arange(count), count)
        return
    whole = plan.answer(query.node)
    if np.array_equal(whole.may, whole.must):
        yield Selected(np.flatnonzero(whole.must), count)
        return
    for block in blocks(rows, whole.may):
        if cancelled():
            return
        answer = plan.answer(query.node, block)
        chosen = answer.must.copy()
        for number, place in enumerate(np.flatnonzero(answer.may & ~answer.must).tolist()):
            if number % _AT_ONCE == _AT_ONCE - 1:
                if cancelled():
                    return
                time.sleep(_PAUSE_S)
            chosen[place] = plan.row(block, place, fmt).fits(query.node)
        yield Selected(np.flatnonzero(chosen) + block.first, block.first + len(block))
    yield Selected(np.empty(0, dtype=np.int64), count)


class _Plan:
    """A query over the columns of one file; what a part of it says of all rows is worked out once."""

    def __init__(self, rows: Rows, known: Known | None) -> None:
        self._rows = rows
        self._known = known
        self._count = len(rows)
        self._answers: dict[Node, Answer] = {}

    @cached_property
    def _lines(self) -> NDArray[np.int64]:
        return line_numbers(self._rows)[: self._count]

    def answer(self, node: Node, block: Block | None = None) -> Answer:
        """For the rows of a block; without one for all rows, by what is known without reading them."""
        import numpy as np

        match node:
            case And(parts):
                answers = [self.answer(part, block) for part in parts]
                may = np.logical_and.reduce([answer.may for answer in answers])
                return Answer(may, np.logical_and.reduce([answer.must for answer in answers]))
            case Or(parts):
                answers = [self.answer(part, block) for part in parts]
                may = np.logical_or.reduce([answer.may for answer in answers])
                return Answer(may, np.logical_or.reduce([answer.must for answer in answers]))
            case Not(inner):
                answer = self.answer(inner, block)
                return Answer(~answer.must, ~answer.may)
            case _:
                return self._of_columns(node) if block is None else self._of_block(node, block)

    def _of_block(self, node: Node, block: Block) -> Answer:
        whole = self._of_columns(node)
        here = slice(block.first, block.first + len(block))
        may, must = whole.may[here], whole.must[here]
        if isinstance(node, Text):
            bytes_say = Literal(node.needle).answer(block)
            sure = not node.role and not in_structure(node.needle)
            return Answer(may & bytes_say.may, bytes_say.must if sure else must)
        sign = _sign(node)
        return Answer(may if sign is None else may & sign.may(block), must)

    def _of_columns(self, node: Node) -> Answer:
        answer = self._answers.get(node)
        if answer is None:
            answer = self._answers[node] = self._column_answer(node)
        return answer

    def _column_answer(self, node: Node) -> Answer:
        import numpy as np

        known = self._known
        nothing = np.zeros(self._count, dtype=bool)
        unknown = Answer(np.ones(self._count, dtype=bool), nothing)
        if isinstance(node, Number) and node.field == "line":
            return _sure(COMPARE[node.operator](self._lines, node.value))
        if node == Has("edited"):
            return _sure(nothing)
        if _needs_analysis(node) and known is None:
            return _sure(nothing)
        if known is None:
            return unknown
        return self._known_answer(known, node) or unknown

    def _known_answer(self, known: Known, node: Node) -> Answer | None:
        """What the analysis says; None of what it has nothing about."""
        match node:
            case Number("tokens", sign, value):
                return _sure(known.seen & (known.tokens != UNKNOWN) & COMPARE[sign](known.tokens, value))
            case Number(field, sign, value):
                return self._where_seen(COMPARE[sign](getattr(known, field), value))
            case Role(name):
                return self._where_seen((known.roles & ROLES[name]) != 0)
            case Severity(name) | Has("error" as name):
                return _sure(known.seen & (known.severity == SEVERITIES[name]))
            case Has("warning"):
                return _sure(self._with(warning_codes()))
            case Rule(text):
                return _sure(self._with(codes_of(text)))
            case Has("broken"):
                return self._where_seen((known.flags & FLAGS["broken"]) != 0)
            case Has(kind) if kind in FLAGS:
                return _sure(known.seen & ((known.flags & FLAGS[kind]) != 0))
        return None

    def _where_seen(self, holds: NDArray[np.bool_]) -> Answer:
        """What the columns say of the analysed rows; the others have to be looked at."""
        assert self._known is not None
        return Answer(holds | ~self._known.seen, holds & self._known.seen)

    def _with(self, codes: Collection[str]) -> NDArray[np.bool_]:
        import numpy as np

        assert self._known is not None
        found = np.zeros(self._count, dtype=bool)
        found[self._known.rows_with(codes)] = True
        return found & self._known.seen

    def row(self, block: Block, place: int, fmt: Format) -> QueryRow:
        """A row of the block, to be looked at closely."""
        number = block.first + place
        raw = self._rows.index.content(block.row(place))
        line = self._rows.line(number)
        known = self._known
        if known is None or not known.seen[number]:
            return QueryRow(raw, fmt, line=line)
        return QueryRow(
            raw,
            fmt,
            line=line,
            tokens=int(known.tokens[number]),
            severity=int(known.severity[number]),
            flags=int(known.flags[number]),
            codes=known.codes_at(number),
        )


def _sure(holds: NDArray[np.bool_]) -> Answer:
    return Answer(holds, holds)


def _needs_analysis(node: Node) -> bool:
    match node:
        case Number("tokens") | Rule() | Severity() | Has("error" | "warning" | "secret" | "personal" | "duplicate"):
            return True
    return False


def _sign(node: Node) -> Prefilter | None:
    """What stands in the bytes of every row for which the node holds."""
    match node:
        case Label(text) if text.strip():
            return Literal(text.strip())
        case Regex(pattern, flags):
            return Expression(pattern, flags)
        case Has(kind):
            return _SIGNS.get(kind)
    return None
