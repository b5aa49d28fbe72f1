"""D: records that are there more than once."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.rules.facts import Facts
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule


@file_rule("D001", "duplicate_record", Severity.WARNING)
def duplicate_record(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record is there already, value for value (spacing and the order of keys apart).

    It is paid for twice and weighs double; across a split it makes the test set lie.
    """
    for line, first in facts.duplicates:
        yield Problem(f"the same record as line {first}", line=line)
