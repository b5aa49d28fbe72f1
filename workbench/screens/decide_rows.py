"""How a decision reads: the verdict, what is missing, the checklist, break-even. Knows no widget."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from workbench.catalog.figure import Figure
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.sections import Entry
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import figure_pieces, interval, origin_word, share

if TYPE_CHECKING:
    from workbench.decide.checklist import ChecklistItem
    from workbench.decide.decision import Decision, Missing

VERDICTS: Final = {
    "fine-tune": ("✓ Fine-tune", "good"),
    "do-not-fine-tune": ("■ Do not fine-tune", "warning"),
    "not-enough-evidence": ("? Not enough evidence", "accent"),
}
STAGES: Final = {"before-training": "before training", "after-training": "after training"}
_GROUPS: Final = {"use-case": "Use case", "alternatives": "Alternatives", "costs": "Costs", "benefits": "Benefits"}
_STATUS: Final = {
    "measured": Piece("● measured  ", "good"),
    "answered": Piece("✓ answered  ", "accent"),
    "open": Piece("○ open      ", "muted"),
}
_WIDE: Final = 20
"""Cells of the names in the break-even section."""
FORMULA: Final = "break-even formula"


def missing_key(number: int) -> str:
    """The key of a missing entry."""
    return f"missing {number}"


def question_key(question: str) -> str:
    """The key of a question."""
    return f"question {question}"


def entries_of(decision: Decision, requests: int | None) -> list[Entry]:
    """What is missing, the checklist by group, break-even."""
    return [*_missing(decision.missing), *_checklist(decision.checklist), *_break_even(decision, requests)]


def _missing(missing: Sequence[Missing]) -> Iterator[Entry]:
    if not missing:
        return
    yield Entry.heading("What is missing", "enter does it")
    for number, gap in enumerate(missing):
        yield Entry((Piece("→ ", "accent"), Piece(visible_line(gap.what))), missing_key(number))


def _checklist(items: Sequence[ChecklistItem]) -> Iterator[Entry]:
    for group, title in _GROUPS.items():
        own = [item for item in items if item.group == group]
        if not own:
            continue
        settled = sum(item.status != "open" for item in own)
        yield Entry.heading(title, f"{settled} of {len(own)} settled")
        for item in own:
            yield Entry((_STATUS[item.status], Piece(visible_line(item.question))), question_key(item.id))


def _row(name: str, pieces: Sequence[Piece], key: str) -> Entry:
    return Entry((Piece(f"{name:<{_WIDE}}", "muted"), *pieces), f"break-even {key}")


def _estimated(value: float, unit: str) -> list[Piece]:
    return figure_pieces(Figure.estimated(value, unit, FORMULA))


def _break_even(decision: Decision, requests: int | None) -> Iterator[Entry]:
    yield Entry.heading("Break-even", "m says how many requests a month")
    said = [Piece(f"{requests:,}", "strong"), Piece("  yours", "muted")] if requests else [Piece("not said", "muted")]
    yield _row("requests per month", said, "requests")
    one = decision.break_even
    if one is None:
        why = visible_line(decision.no_break_even or "nothing to compare")
        yield _row("pays from", [Piece("not measured", "muted"), Piece(f"  {why}", "muted")], "from")
    else:
        low, high = one.band
        pieces = [
            Piece(f"{one.requests_per_month:,.0f} requests a month", "strong"),
            Piece(f"  estimated; {low:,.0f} to {high:,.0f} if costs are 20 % off", "muted"),
        ]
        yield _row("pays from", pieces, "from")
        yield _row("paid back on", _paid_back(decision, requests), "date")
        yield _row("saving per 1,000", _estimated(one.saving_per_1k, "USD"), "saving")
        yield _row("one-off cost", _estimated(one.one_off, "USD"), "once")
        yield _row("hosting a month", _estimated(one.hosting_month, "USD"), "hosting")
    for row in decision.candidates:
        if row.kind != "trivial":
            value, *_ = figure_pieces(row.cost_per_1k)
            origin = "" if row.cost_per_1k.value is None else f"  {origin_word(row.cost_per_1k)}"
            name = Piece(f"  {visible_line(row.candidate)}")
            yield _row(f"cost, {row.kind}", [value, Piece(origin, "muted"), name], row.candidate)


def _paid_back(decision: Decision, requests: int | None) -> list[Piece]:
    one = decision.break_even
    if one is None or not requests:
        return [Piece("not measured", "muted"), Piece("  the volume is not said", "muted")]
    bound = f"  the model retires on {one.bounded_by}" if one.bounded_by else f"  within {one.months:.0f} months"
    shown = one.date.isoformat() if one.date is not None else "not reached"
    return [Piece(shown, "strong"), Piece(f"  estimated{bound}", "muted")]


def why_lines(decision: Decision, width: int) -> list[Line]:
    """The reasons, wrapped."""
    lines: list[Line] = []
    for reason in decision.reasons:
        first, *rest = wrap(visible_line(reason.text), width - 3)
        lines.append((Piece(" · ", "muted"), Piece(first)))
        lines.extend((Piece("   "), Piece(line)) for line in rest)
    return lines


def detail_lines(decision: Decision, key: str, width: int) -> list[Line]:
    """What the lower pane says about the entry under the cursor."""
    if key.startswith("missing "):
        gap = decision.missing[int(key.removeprefix("missing "))]
        return [
            *((Piece(line),) for line in wrap(visible_line(gap.what), width)),
            *((Piece(line, "muted"),) for line in wrap(visible(f"$ {gap.command}"), width)),
        ]
    item = next((item for item in decision.checklist if question_key(item.id) == key), None)
    if item is not None:
        return list(_question_lines(item, width))
    row = next((row for row in decision.candidates if key == f"break-even {row.candidate}"), None)
    if row is not None:
        text = f"{row.candidate}: score {share(row.score)}, 95 % {interval(row.ci95)}, {row.n} items"
        return [*((Piece(line),) for line in wrap(visible_line(text), width)), tuple(figure_pieces(row.cost_per_1k))]
    if key == "break-even from" and decision.break_even is None:
        return [(Piece(line),) for line in wrap(visible_line(decision.no_break_even or ""), width)]
    if key.startswith("break-even "):
        text = "volume = (hosting + one-off cost / months) / saving a request, from measured tokens and quoted prices"
        return [(Piece(line, "muted"),) for line in wrap(text, width)]
    return []


def _question_lines(item: ChecklistItem, width: int) -> Iterator[Line]:
    yield from ((Piece(line, "strong"),) for line in wrap(visible_line(item.question), width))
    yield from ((Piece(line, "muted"),) for line in wrap(visible_line(item.why), width))
    for found in item.evidence:
        word = "you" if found.kind == "person" else found.kind
        source = f" ({found.source})" if found.source and found.kind != "person" else ""
        first, *rest = wrap(visible_line(f"{found.text}{source}"), width - len(word) - 4)
        yield (Piece(f"· {word}: ", "accent"), Piece(first))
        yield from ((Piece(" " * (len(word) + 4)), Piece(line)) for line in rest)
    if not item.evidence:
        yield (Piece("No evidence yet. Enter answers it.", "muted"),)


def candidates_in(command: str) -> list[str]:
    """The candidates that a missing entry's `ftwb evaluate` names."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--candidate"]
