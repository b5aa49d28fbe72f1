"""All series of a job as one table, for people, spreadsheets and plots of others."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError

Points = Sequence[tuple[int, float]]


def columns_of(series: Mapping[str, Points]) -> list[str]:
    """`step`, then the series: losses first, as providers order their own result files."""
    order = ("train_loss", "valid_loss", "full_valid_loss")
    return ["step", *sorted(series, key=lambda name: (order.index(name) if name in order else len(order), name))]


def rows_of(series: Mapping[str, Points]) -> Iterator[list[float | int | None]]:
    """One row a step in the order of `columns_of`; None where a series has no value there."""
    names = columns_of(series)[1:]
    known = [dict(series[name]) for name in names]
    steps = sorted({step for values in known for step in values})
    for step in steps:
        yield [step, *(values.get(step) for values in known)]


def smoothed(points: Points, weight: float) -> list[tuple[int, float]]:
    """The exponential moving average, unbiased at its start, as TensorBoard draws it; gaps stay gaps.

    `weight` from 0 (as it is) to below 1.
    """
    found = []
    mean, seen = 0.0, 0
    for step, value in points:
        if math.isfinite(value):
            mean, seen = weight * mean + (1 - weight) * value, seen + 1
            value = mean / (1 - weight**seen) if weight else value
        found.append((step, value))
    return found


def csv_of(series: Mapping[str, Points]) -> str:
    """As CSV with full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns_of(series))
    writer.writerows([["" if value is None else value for value in row] for row in rows_of(series)])
    return text.getvalue()


def write_csv(path: Path, series: Mapping[str, Points], *, over: bool = False) -> None:
    """Write the table to a file, over one that is there only with `over`. Raises WorkbenchError where it cannot be."""
    try:
        with path.open("w" if over else "x", encoding="utf-8", newline="") as file:
            file.write(csv_of(series))
    except FileExistsError:
        raise WorkbenchError(str(path), "is there already", "name another file", code="exists") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be written ({why})", "name another file", code="unwritable") from error
