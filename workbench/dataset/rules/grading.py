"""G: reinforcement rows, whose answers a grader judges."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import ChatRecord, Format
from workbench.dataset.rules.facts import Facts, grader_keys
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, record_rule

_ONLY = frozenset({Format.REINFORCEMENT})


@record_rule("G001", "grader_keys_missing", Severity.ERROR, formats=_ONLY)
def grader_keys_missing(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A reinforcement record has nothing for the grader to judge by.

    What a grader compares the answer with stands in keys of your own beside `messages` (`reference_answer`), which it
    names as `item.reference_answer`.
    """
    if record.messages and not grader_keys(record):
        yield Problem("there is no key for the grader beside `messages`")


@record_rule("G002", "grader_value_empty", Severity.WARNING, formats=_ONLY)
def grader_value_empty(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A key for the grader is there but holds nothing.

    Every answer would be judged against nothing, so rewards are random. Fill it in, or leave the record out.
    """
    for key in grader_keys(record):
        value = record.extra[key]
        if value is None or (isinstance(value, str) and not value.strip()):
            yield Problem(f"{quote(key)} is {'null' if value is None else 'empty'}")


@file_rule("G003", "grader_keys_differ", Severity.WARNING, formats=_ONLY)
def grader_keys_differ(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record lacks a key for the grader that most others have.

    A template such as `{{ item.reference_answer }}` fails on it.
    """
    total = sum(map(len, facts.grader_keys.values()))
    counts: dict[str, int] = {}
    for keys, lines in facts.grader_keys.items():
        for key in keys.split("\0"):
            counts[key] = counts.get(key, 0) + len(lines)
    usual = {key for key, count in counts.items() if key and count * 2 > total}
    for keys, lines in facts.grader_keys.items():
        missing = usual - set(keys.split("\0"))
        for line in lines if missing and keys else ():
            yield Problem(f"no {', no '.join(map(quote, sorted(missing)))}, which most records have", line=line)
