"""How a decision reads: the verdict, what is missing, the checklist. Knows no widget."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from workbench.screens.decide_costs import bill_lines, break_even_entries, break_even_lines, cost_entries, cost_key
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.sections import Entry
from workbench.widgets.textline import Line, Piece, wrap

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


def missing_key(number: int) -> str:
    """The key of a missing entry."""
    return f"missing {number}"


def question_key(question: str) -> str:
    """The key of a question."""
    return f"question {question}"


def entries_of(decision: Decision, requests: int | None) -> list[Entry]:
    """What is missing, costs, break-even, the checklist by group."""
    return [
        *_missing(decision.missing),
        *cost_entries(decision),
        *break_even_entries(decision, requests),
        *_checklist(decision.checklist),
    ]


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
    row = next((row for row in decision.candidates if key == cost_key(row.candidate)), None)
    if row is not None:
        return list(bill_lines(row, width))
    return break_even_lines(decision, width) if key.startswith("break-even ") else []


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
