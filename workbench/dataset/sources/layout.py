"""How a table in text is laid out: its delimiter, its quoting, its header; each with the reason."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.dataset.sources.source import Sniffed, SourceOptions
from workbench.errors import WorkbenchError

_CANDIDATES = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
_NO_DELIMITER = "\x1f"
"""A character that text does not have: a table of one column is split by nothing."""

_COLUMN_WORDS = frozenset({
    "id", "index", "title", "text", "body", "message", "messages", "content", "role", "author", "sender", "from",
    "date", "time", "timestamp", "created_at", "prompt", "completion", "response", "question", "answer", "context",
    "instruction", "input", "output", "system", "chosen", "rejected", "label", "conversation_id", "ticket_id",
    "chat_id", "url", "link", "source", "name", "category", "subject"
})  # fmt: skip
"""What columns are often called, so that a first row of such words is a header."""

_LONGEST_NAME = 80  # characters; a longer first cell is a value
_LOOK = 500  # rows that are compared


@dataclass(frozen=True, slots=True)
class Layout:
    """How to parse a table in text."""

    delimiter: str
    dialect: type[csv.Dialect]
    names: tuple[str, ...]
    """Of the columns, each once."""
    header: tuple[str, ...] | None
    """The cells of the header as they are."""
    skip: int
    """Parsed rows before the first one that is data, blank ones included."""


def layout_of(text: str, cut: bool, options: SourceOptions, *, tabs: bool) -> tuple[Layout, tuple[Sniffed, ...]]:
    """The layout of a table by its first characters; `cut` if there are more, `tabs` if its name promises TSV."""
    told, text_behind = _told(text)
    delimiter, sniffed = _delimiter(text_behind, cut, options, told, tabs=tabs)
    spaced = f'{delimiter} "' in text_behind and f'{delimiter}"' not in text_behind
    dialect = _dialect(delimiter, options.escape, spaced=spaced)
    plain, quotes = _quotes(text_behind, cut, dialect, options)
    dialect = plain or dialect
    rows = _parse(text, dialect, cut)
    start = 1 if told is not None else 0
    while start < len(rows) and not rows[start]:
        start += 1
    body = [row for row in rows[start:] if row]
    has_header, why = _header(body, options.header)
    header = tuple(body[0]) if has_header and body else None
    widths = Counter(len(row) for row in body).most_common(1)
    width = len(header) if header is not None else widths[0][0] if widths else 0
    names = _unique(header if header is not None else [""] * width)
    described = (sniffed, *quotes, Sniffed("header", "yes" if has_header else "none", why))
    return Layout(delimiter, dialect, names, header, start + (1 if has_header else 0)), described


def _told(text: str) -> tuple[str | None, str]:
    """The delimiter that a first line `sep=;` tells, as Excel writes it, and the text behind that line."""
    first, _, rest = text.partition("\n")
    first = first.strip().strip('"')
    if first.lower().startswith("sep=") and len(first) == 5 and not first[4].isalnum():
        return first[4], rest
    return None, text


def _delimiter(text: str, cut: bool, options: SourceOptions, told: str | None, *, tabs: bool) -> tuple[str, Sniffed]:
    if options.delimiter is not None:
        if len(options.delimiter) != 1 or options.delimiter in '"\r\n':
            raise WorkbenchError(
                f"delimiter {options.delimiter!r}",
                "is not one character",
                'for example ";" or "\\t"',
                code="bad_template",
            )
        return options.delimiter, Sniffed("delimiter", _name(options.delimiter), "as the template says")
    if told is not None:
        return told, Sniffed("delimiter", _name(told), "the file's first line says so")
    scores = []
    for candidate in _CANDIDATES:
        rows = [row for row in _parse(text, _dialect(candidate, options.escape), cut)[:_LOOK] if row]
        if not rows:
            continue
        width, same = Counter(len(row) for row in rows).most_common(1)[0]
        if width > 1 and (same * 2 > len(rows) or len(rows[0]) == width):
            preferred = candidate == "\t" and tabs
            scores.append((len(rows[0]) == width, preferred, same / len(rows), width, candidate, same, len(rows)))
    if not scores:
        return _NO_DELIMITER, Sniffed("delimiter", "none", "no comma, semicolon, tab or bar splits the rows alike")
    _, _, _, width, best, same, total = max(scores, key=lambda score: score[:4])
    return best, Sniffed("delimiter", _name(best), f"it splits {same} of the first {total} rows into {width} columns")


def _quotes(
    text: str, cut: bool, dialect: type[csv.Dialect], options: SourceOptions
) -> tuple[type[csv.Dialect] | None, tuple[Sniffed, ...]]:
    """A dialect in which quotes are letters, where they are used so: only without quoting are the rows whole."""
    plain = type("Plain", (dialect,), {"quoting": csv.QUOTE_NONE})
    if options.quotes is not None:
        told = Sniffed("quotes", "wrap cells" if options.quotes else "letters like others", "as the template says")
        return (None if options.quotes else plain), (told,)
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), dialect, strict=True):
            pass
    except csv.Error as error:
        rows = [row for row in _parse(text, plain, cut) if row]
        widths = {len(row) for row in rows}
        opening = [cell for row in rows for cell in row if cell.startswith('"')]
        wrapped = [cell for cell in opening if len(cell) > 1 and cell.endswith('"')]
        whole = len(widths) == 1 and widths != {1} and "unexpected end" not in str(error)
        if whole and len(wrapped) * 2 <= len(opening):
            why = "they stand where quoting does not allow them, and without it all rows have as many cells"
            return plain, (Sniffed("quotes", "letters like others", why),)
    return None, ()


def _name(delimiter: str) -> str:
    return _NAMES.get(delimiter, repr(delimiter))


def _dialect(delimiter: str, escape: str | None, *, spaced: bool = False) -> type[csv.Dialect]:
    if escape is not None and len(escape) != 1:
        raise WorkbenchError(f"escape {escape!r}", "is not one character", 'for example "\\\\"', code="bad_template")
    # mypy cannot see that a dialect is a class whose attributes are its settings
    settings = {"delimiter": delimiter, "escapechar": escape, "skipinitialspace": spaced}
    return type("Sniffed", (csv.excel,), settings)


def _parse(text: str, dialect: type[csv.Dialect], cut: bool) -> list[list[str]]:
    """The rows of a piece of a file; the last is left out where the piece ends in the middle of it."""
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), dialect))
    except csv.Error:  # a cell beyond the limit: what came before it still counts
        return rows
    return rows[:-1] if cut and len(rows) > 1 else rows


def _header(rows: Sequence[Sequence[str]], chosen: bool | None) -> tuple[bool, str]:
    """Whether the first row names the columns, and why."""
    if chosen is not None:
        return chosen, "as the template says"
    if not rows:
        return True, "there is nothing else"
    words = [cell.strip().casefold() for cell in rows[0] if cell.strip()]
    known = [word for word in words if word in _COLUMN_WORDS]
    if len(known) * 2 > len(words):
        return True, f"the first row holds the names of columns, such as {known[0]}"
    for at, cell in enumerate(rows[0]):
        cell = cell.strip()
        if _is_number(cell):
            return False, f"the first row holds the number {cell}"
        if len(cell) > _LONGEST_NAME or "\n" in cell:
            return False, f"the first row's cell {at + 1} is too long for a name"
        below = [row[at].strip() for row in rows[1:_LOOK] if len(row) > at and list(row) != list(rows[0])]
        if cell and cell in below:
            return False, f"the first row's {cell!r} stands in the column below too"
    if not any(cell.strip() for cell in rows[0]):
        return False, "the first row is empty"
    return True, "the first row holds short words that do not come again below"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unique(cells: Sequence[str]) -> tuple[str, ...]:
    """A name for every column: its header, numbered where it is empty or there twice."""
    names: dict[str, None] = {}
    for at, cell in enumerate(cells, start=1):
        wanted = cell.strip() or f"column_{at}"
        name, again = wanted, 2
        while name in names:
            name, again = f"{wanted} ({again})", again + 1
        names[name] = None
    return tuple(names)
