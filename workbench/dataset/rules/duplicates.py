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


@file_rule("D002", "leaked_record", Severity.ERROR)
def leaked_record(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record, or its question, is also in a file that this one must not share any with.

    A test set whose answers were trained on measures memory. Checked against the files that are named (`--against`):
    whole records, equal questions (all before the last answer), and nearly equal ones. Leave the record out.
    """
    how = {"record": "the same record as", "prompt": "asks the same as", "near": "asks nearly the same as"}
    for leak in facts.leaked:
        yield Problem(f"{how[leak.kind]} line {leak.against_line} of {leak.file}", line=leak.line)


@file_rule("D003", "near_duplicate", Severity.WARNING)
def near_duplicate(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record says nearly what another says: four fifths of its three-word pieces are the same.

    It adds little, and across a split it makes the test set lie. Looked for with `--near`; `ftwb dataset split` keeps
    such records on one side.
    """
    for line, first, similarity in facts.near:
        yield Problem(f"{similarity:.0%} like line {first}", line=line)
