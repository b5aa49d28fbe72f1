"""X: what must not be learnt by a model or read by its provider."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.registry import Context, Problem, Severity, row_rule
from workbench.dataset.scan import RecordHit, row_hits


@lru_cache(maxsize=2)
def _hits(raw: bytes) -> tuple[RecordHit, ...]:
    """Both rules ask about the same row one after the other."""
    return tuple(row_hits(raw))


@row_rule("X001", "secret", Severity.ERROR)
def secret(row: Row, context: Context) -> Iterator[Problem]:
    """A record holds a key, a token or a password.

    Whoever trains on it gives it away: to the provider, and to everybody who asks the model. Withdraw it where it is
    valid, and put a placeholder in its place (`ftwb dataset scan` lists them, the clean-up by placeholders replaces
    them).
    """
    for hit in _hits(row.raw):
        if hit.group == "secret":
            yield Problem(f"{hit.kind} {hit.masked}", hit.message_index)


@row_rule("X002", "personal_data", Severity.WARNING)
def personal_data(row: Row, context: Context) -> Iterator[Problem]:
    """A record holds personal data: an address, a number that leads to a person.

    Models repeat what they were trained on. Where it is not needed, replace it by placeholders that stay the same for
    the same value, so that conversations still make sense.
    """
    for hit in _hits(row.raw):
        if hit.group == "personal":
            yield Problem(f"{hit.kind} {hit.masked}", hit.message_index)
