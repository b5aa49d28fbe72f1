"""Checking a file: every selected rule over every row, then over the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog.limits import example_tokens, limits_for
from workbench.dataset.counting import counting_of
from workbench.dataset.formats import Format
from workbench.dataset.rows import Rows
from workbench.dataset.rules.copies import leaks, near_copies
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.rules.limits import row_tokens, tokens_matter
from workbench.dataset.rules.look import look_at, row_findings
from workbench.dataset.rules.registry import Context, Finding, Rule, Severity, selected
from workbench.dataset.tokens import Counter
from workbench.dataset.told import told

LARGE_BYTES = 20 * 1024 * 1024
"""From here on worker processes look at a file: a smaller one is through before they would be of use."""

_PROGRESS_EVERY = 2000  # rows between two calls of `progress`


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; the keys of the command line contract."""

    file: str
    format: Format
    records: int
    """Rows of the file, unreadable ones too."""
    errors: int
    warnings: int
    findings: list[Finding]
    """By line; those about the file as a whole first."""
    reason: str = ""
    """Why the file is taken for this format."""


def check(
    rows: Rows,
    *,
    profile: str | None = None,
    model: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    counter: Counter | None = None,
    format: Format | None = None,  # noqa: A002 - the word of the contract
    against: Sequence[Path] = (),
    near: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check all rows of a file.

    `profile` is a kind of provider (`catalog.limits.KINDS`); without one only the rules that hold everywhere are
    applied. `model` and `counter` (see `dataset.tokens`) allow the rules about length. `format` overrides what is
    detected. `against` are files that must not share a record or a question with this one (`leaked_record`); `near`
    looks for near copies too (`near_duplicate`), which takes longer than all else. `workers` processes share the work
    (None: as many as there are processors, for a large file). `progress` gets rows done and rows in all. Raises
    WorkbenchError (usage) for an unknown profile or rule.
    """
    detected = told(rows)
    fmt = format or detected.format
    context = Context(
        fmt,
        None if profile is None else limits_for(profile),
        None if model is None else example_tokens(model),
        counter,
    )
    rules = selected(select, ignore)
    codes = {rule.code for rule in rules}
    if against or near:
        rows.index_rest()
    leaked = leaks(rows, against) if "D002" in codes else []
    alike = near_copies(rows) if near and "D003" in codes else []

    def prepare(facts: Facts) -> None:
        facts.leaked, facts.near = leaked, alike

    counting = counting_of(counter)
    spread = rows.size > LARGE_BYTES if workers is None else workers > 0
    if spread and (counter is None or counting is not None):
        from workbench.dataset.analysis import Spec, analyse, in_rows

        spec = Spec(fmt, profile, model, tuple(select), tuple(ignore), counting, tokens=False)
        analysis = analyse(rows, spec, workers=workers, prepare=prepare, progress=in_rows(progress, rows))
        count, found = len(analysis.columns), list(analysis.findings)
    else:
        rows.index_rest()
        facts = Facts(
            size=rows.size, encoding=rows.encoding, damage=rows.damage(), blank_lines=rows.index.blank_line_numbers()
        )
        prepare(facts)
        count, found = len(rows), list(findings(rows, context, rules, progress, facts))
    found.sort(key=lambda finding: (finding.line or 0, finding.code, finding.message_index or 0))
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    return Report(
        file=str(rows.path),
        format=fmt,
        records=count,
        errors=errors,
        warnings=len(found) - errors,
        findings=found,
        reason=detected.reason if format is None else "as told",
    )


def findings(
    rows: Rows,
    context: Context,
    rules: Sequence[Rule],
    progress: Callable[[int, int], None] | None = None,
    facts: Facts | None = None,
) -> Iterator[Finding]:
    """Every finding of `rules`: row by row, and those about the whole file at the end.

    `facts` hold what is known of the file before its rows are walked.
    """
    chosen = [rule for rule in rules if rule.applies(context)]
    about_files = [rule for rule in chosen if rule.check_file is not None]
    about_rows = [rule for rule in chosen if rule.check_file is None]
    facts = facts or Facts(size=rows.size)
    counting = any(rule.code == "L006" for rule in about_files) and tokens_matter(facts, context)
    for number, raw in enumerate(rows.iter_raw()):
        row = read_row(rows, number, raw, context.format)
        yield from row_findings(row, context, about_rows)
        if about_files:
            facts.add(row)
        if counting:
            facts.tokens = (facts.tokens or 0) + row_tokens(row, context)
        if progress is not None and number % _PROGRESS_EVERY == 0:
            progress(number, len(rows))
    for rule in about_files:
        if rule.check_file is not None:
            for problem in rule.check_file(facts, context):
                yield rule.finding(problem, None)
    if progress is not None:
        progress(len(rows), len(rows))


def read_row(rows: Rows, number: int, raw: bytes, fmt: Format) -> Row:
    """One row as the rules see it."""
    line, column = rows.index.place(number)
    return look_at(raw, fmt, number=number, line=line, column=column)
