"""Fixing a file: the safe fixes of the selected rules, everything else byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog.limits import limits_for
from workbench.dataset.formats import detect
from workbench.dataset.rows import Rows, dump_like
from workbench.dataset.rows.save import write_atomically
from workbench.dataset.rules.check import read_row
from workbench.dataset.rules.lines import BLANK_LINE, BYTE_ORDER_MARK
from workbench.dataset.rules.registry import Context, Rule, selected


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was fixed."""

    path: Path
    records: int
    changed: int
    """Records that were rewritten; all others are byte for byte as they were."""
    places: dict[str, int]
    """Rule name to the number of places."""


def fix(
    rows: Rows,
    out: Path,
    *,
    profile: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Fixed:
    """Write the file to `out` with every safe fix of the selected rules; `out` is whole or not there.

    A changed record is written in its own style (spacing, escapes). Line ends and a missing last one are kept. Raises
    WorkbenchError where `out` cannot be written.
    """
    rules = selected(select, ignore)
    limits = None if profile is None else limits_for(profile)
    context = Context(detect(rows.sample()).format, limits)
    fixing = [rule for rule in rules if rule.fix is not None and rule.applies(context)]
    codes = {rule.code for rule in rules}
    keep_bom = BYTE_ORDER_MARK not in codes or (limits is not None and limits.bom_wanted)
    places: Counter[str] = Counter()
    changed = 0

    def pieces() -> Iterator[bytes]:
        nonlocal changed
        start = 3 if rows.encoding.bom and not keep_bom else 0
        if start:
            places["byte_order_mark"] += 1
        drop_blank = BLANK_LINE in codes and not rows.encoding.array
        behind = start
        for number, raw in enumerate(rows.iter_raw()):
            first, _ = rows.index.extent(number)
            yield _gap(rows.bytes_at(behind, first), drop_blank=drop_blank, leading=behind == start)
            fixed = _fixed_row(rows, number, raw, context, fixing, places)
            changed += fixed is not None
            yield raw if fixed is None else fixed
            behind = first + len(raw)
            if progress is not None and number % 2000 == 0:
                progress(number, len(rows))
        yield _gap(rows.bytes_at(behind, rows.size), drop_blank=drop_blank, leading=False)
        if drop_blank and rows.encoding.blank_lines:
            places["blank_line"] += rows.encoding.blank_lines

    write_atomically(out, pieces(), mode_of=rows.path)
    return Fixed(out, len(rows), changed, dict(places))


_BOM = b"\xef\xbb\xbf"


def _gap(between: bytes, *, drop_blank: bool, leading: bool) -> bytes:
    """What stands between two rows: as it is, or without its blank lines."""
    if not drop_blank:
        return between
    if leading:
        return _BOM if between.startswith(_BOM) else b""
    end = between.find(b"\n") + 1
    return between[:end] if end else between


def _fixed_row(
    rows: Rows, number: int, raw: bytes, context: Context, rules: Sequence[Rule], places: Counter[str]
) -> bytes | None:
    """The row's new bytes, or None if no fix applies to it."""
    if not rules:
        return None
    row = read_row(rows, number, raw, context.format)
    if row.record is None:
        return None
    total = 0
    for rule in rules:
        count = rule.fix(row.value) if rule.fix is not None else 0
        if count:
            places[rule.name] += count
        total += count
    return dump_like(row.value, raw) if total else None
