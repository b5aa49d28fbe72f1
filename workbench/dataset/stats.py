"""Figures about a dataset: tokens, epochs, what is billed and what it costs.

Formulas and constants are those of OpenAI's cookbook notebook `Chat_finetuning_data_prep`, except that its "p5 / p95"
are really the 10th and 90th percentiles; ours are what they say.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter as Counted
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from workbench.catalog.figure import Figure
from workbench.catalog.limits import COOKBOOK_EXAMPLE_TOKENS, example_tokens
from workbench.catalog.prices import price
from workbench.dataset.counting import Counting, counting_of
from workbench.dataset.epochs import default_epochs
from workbench.dataset.formats import Format, RecordError
from workbench.dataset.record_tokens import count_record
from workbench.dataset.rows import DecodeError, Rows
from workbench.dataset.tokens import Counter
from workbench.dataset.told import told
from workbench.errors import WorkbenchError

LARGE_BYTES = 20 * 1024 * 1024
"""From here on worker processes count: a smaller file is through before they would be of use."""

_NO_LIMIT = 2**31 - 1  # more tokens than a record can have
_PROGRESS_EVERY = 500  # rows between two calls of `progress`


class Distribution(BaseModel):
    """How a number spreads over the records."""

    min: int
    max: int
    mean: float
    median: float
    p5: float
    p95: float
    total: int


class Bin(BaseModel):
    """A step of a histogram."""

    least: int
    most: int
    """Tokens of a record, both ends in it."""
    records: int


class Stats(BaseModel):
    """Figures about a dataset; the keys of the command line contract."""

    records: int
    """Records that were counted; those that cannot be read are in `unreadable`."""
    model: str | None
    encoding: str
    """The encoding or tokenizer that counted."""
    exact: bool
    """False: an estimate, and `note` says why."""
    tokens: Distribution
    """A record's tokens, uncut."""
    assistant_tokens: Distribution
    messages: Distribution
    missing_system: int
    missing_user: int
    over_limit: int
    """Records with more tokens than `max_tokens`; they are billed as if cut there."""
    over_limit_lines: list[int]
    """Where they stand, from 1."""
    histogram: list[Bin]
    """How many records have how many tokens, in steps of one width from the shortest record to the longest."""
    n_epochs: int
    """By the cookbook's rule."""
    billable_tokens_per_epoch: int
    billable_tokens: int
    cost: Figure
    max_tokens: int | None
    """Where a record is cut; None: nowhere."""
    format: Format
    unreadable: int
    note: str


def distribution(values: Sequence[int]) -> Distribution:
    """The spread of at least one value; percentiles are interpolated between neighbours."""
    ordered = sorted(values)
    total = sum(ordered)
    return Distribution(
        min=ordered[0],
        max=ordered[-1],
        mean=total / len(ordered),
        median=_percentile(ordered, 50),
        p5=_percentile(ordered, 5),
        p95=_percentile(ordered, 95),
        total=total,
    )


def _percentile(ordered: Sequence[int], percent: float) -> float:
    """Linear between the two nearest ranks, as numpy and Excel do."""
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low), 6)


_MOST_BINS = 20


def histogram(values: Sequence[int]) -> list[Bin]:
    """At least one value in at most 20 steps; their width is 1, 2 or 5 times a power of ten, and some may be empty."""
    low, high = min(values), max(values)
    width = next(width for width in _widths() if high // width - low // width < _MOST_BINS)
    counts = Counted(value // width for value in values)
    steps = range(low // width, high // width + 1)
    return [Bin(least=step * width, most=step * width + width - 1, records=counts[step]) for step in steps]


def _widths() -> Iterator[int]:
    for power in itertools.count():
        yield from (factor * 10**power for factor in (1, 2, 5))


def stats(
    rows: Rows,
    model: str | None = None,
    max_tokens: int | None = None,
    *,
    counter: Counter,
    provider: str | None = None,
    tier: str | None = None,
    n_epochs: int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Stats:
    """Count a dataset with `counter` (`tokens.counter_for(model, cache)`, or a TemplateCounter for open models).

    `max_tokens` is where a record is cut; by default the model's limit, or the cookbook's 16,385 where no model is
    named. `provider` and `tier` choose the price, `n_epochs` overrides the cookbook's rule. `workers` processes share
    the work (None: as many as there are processors, for a large file). `progress` gets rows done and rows in all. Rows
    that cannot be read are counted apart; a WorkbenchError if none can.
    """
    if max_tokens is not None and max_tokens < 1:
        raise WorkbenchError(
            "max tokens", f"cannot be {max_tokens}", "give a positive number", code="usage", exit_code=2
        )
    fmt = told(rows).format
    limit = max_tokens or (COOKBOOK_EXAMPLE_TOKENS if model is None else example_tokens(model))
    counting = counting_of(counter)
    spread = rows.size > LARGE_BYTES if workers is None else workers > 0
    if spread and counting is not None:
        counted = _by_workers(rows, fmt, counting, limit, workers, progress)
    else:
        rows.index_rest()
        counted = _here(rows, fmt, counter, limit, progress)
    totals = counted.totals
    if not totals:
        raise WorkbenchError(
            str(rows.path), f"no record can be counted ({counted.fault})", "see `ftwb dataset check`", code="no_records"
        )
    per_epoch = sum(totals if limit is None else (min(limit, total) for total in totals))
    epochs = n_epochs or default_epochs(len(totals))
    return Stats(
        records=len(totals),
        model=model,
        encoding=counter.name,
        exact=counter.exact and counted.exact,
        tokens=distribution(totals),
        assistant_tokens=distribution(counted.assistants),
        messages=distribution(counted.messages),
        missing_system=counted.missing_system,
        missing_user=counted.missing_user,
        over_limit=len(counted.over),
        over_limit_lines=counted.over,
        histogram=histogram(totals),
        n_epochs=epochs,
        billable_tokens_per_epoch=per_epoch,
        billable_tokens=per_epoch * epochs,
        cost=_cost(per_epoch * epochs, model, provider, tier),
        max_tokens=limit,
        format=fmt,
        unreadable=counted.unreadable,
        note=_note(model, counter, counted.exact),
    )


@dataclass(slots=True)
class _Counts:
    """What was counted, record by record."""

    totals: list[int] = field(default_factory=list)
    assistants: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    """Lines of records over the limit."""
    missing_system: int = 0
    missing_user: int = 0
    unreadable: int = 0
    exact: bool = True
    fault: str = ""
    """Why the first record that cannot be counted cannot."""


def _here(
    rows: Rows, fmt: Format, counter: Counter, limit: int | None, progress: Callable[[int, int], None] | None
) -> _Counts:
    counts = _Counts()
    for number, value in rows.records():
        if progress is not None and number and number % _PROGRESS_EVERY == 0:
            progress(number, len(rows))
        try:
            if isinstance(value, DecodeError):
                raise RecordError(f"column {value.column}", value.why)
            record = count_record(value, fmt, counter)
        except RecordError as error:
            counts.unreadable += 1
            counts.fault = counts.fault or f"line {rows.line(number)}: {error}"
            continue
        counts.totals.append(record.total)
        if limit is not None and record.total > limit:
            counts.over.append(rows.line(number))
        counts.assistants.append(record.assistant)
        counts.messages.append(len(record.roles))
        counts.missing_system += not {"system", "developer"} & set(record.roles)
        counts.missing_user += "user" not in record.roles
        counts.exact = counts.exact and record.exact
    return counts


def _by_workers(
    rows: Rows,
    fmt: Format,
    counting: Counting,
    limit: int | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> _Counts:
    """The same numbers out of an analysis by the cheapest of rules."""
    from workbench.dataset.analysis import ESTIMATED, ROLE_BITS, Spec, analyse, in_rows

    spec = Spec(fmt, select=("J001",), counting=counting)
    analysis = analyse(rows, spec, workers=workers, progress=in_rows(progress, rows))
    columns = analysis.columns
    known = columns.tokens >= 0
    roles = columns.roles[known]
    over = (columns.tokens > (limit or _NO_LIMIT)).nonzero()[0]
    return _Counts(
        totals=columns.tokens[known].tolist(),
        assistants=columns.answer_tokens[known].tolist(),
        messages=columns.turns[known].tolist(),
        over=analysis.places.lines(over).tolist(),
        missing_system=int((roles & (ROLE_BITS["system"] | ROLE_BITS["developer"]) == 0).sum()),
        missing_user=int((roles & ROLE_BITS["user"] == 0).sum()),
        unreadable=int((~known).sum()),
        exact=not (columns.flags[known] & ESTIMATED).any(),
        fault="none has the shape of its format",
    )


def _cost(billable: int, model: str | None, provider: str | None, tier: str | None) -> Figure:
    """What the training would cost, estimated from the billable tokens and a dated price."""
    if model is None:
        return Figure.not_measured("USD", "no model named")
    quoted = price(model, "training", provider=provider, tier=tier)
    if quoted.value is None:
        return Figure.not_measured("USD", quoted.source)
    source = f"billable tokens × {quoted.value:g} {quoted.unit} ({quoted.source})"
    return Figure.estimated(billable / 1_000_000 * quoted.value, "USD", source, quoted.as_of)


def _note(model: str | None, counter: Counter, exact: bool) -> str:
    """Why the counts are an estimate; empty where they are exact."""
    if model is None and not counter.exact:
        return f"no model named: counted with {counter.name}, as the cookbook does"
    if not counter.exact:
        return f"estimate: the encoding of {model} is not known, counted with {counter.name}"
    if not exact:
        return "estimate: tools, tool calls or images have no published count"
    return ""
