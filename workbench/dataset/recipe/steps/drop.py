"""`drop`: records by content, as a person picked them, or by what the linter finds on them."""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

from pydantic import Field

from workbench.dataset.formats import CHAT_LIKE, RecordError, parse_chat
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Scoped, StepRun
from workbench.dataset.recipe.steps.hand import HandStep, Named, Sequence
from workbench.dataset.rows import DecodeError
from workbench.dataset.rules.facts import Facts, Row


class Drop(Scoped, HandStep):
    """Drops the records that are named, and those on which one of the rules finds something."""

    KIND: ClassVar[str] = "drop"

    records: list[Named] = Field(default_factory=list)
    rules: list[str] = Field(default_factory=list)
    """By code, name or beginning of codes; those about the whole file (duplicates) too."""

    @property
    def title(self) -> str:
        """As `2 records deleted` or `drop J001`."""
        if self.rules:
            return f"drop {', '.join(self.rules)}"
        return f"{len(self.records)} record{'s' * (len(self.records) != 1)} deleted"

    def edit(self, records: Sequence, run: StepRun) -> None:
        """Take them out."""
        for named in self.records:
            for entry in named.find(records, run, "there was nothing to drop"):
                records.remove(entry, named.at, run.same)
                run.drop(entry, "by hand")
        if self.rules:
            self._drop_by_rule(records, run)

    def _drop_by_rule(self, records: Sequence, run: StepRun) -> None:
        """What rules say about a row, and about all rows as they are at this step."""
        from workbench.dataset.rules import Context, selected
        from workbench.dataset.rules.look import row_findings

        context = Context(run.format)
        rules = [rule for rule in selected(self.rules) if rule.applies(context)]
        facts, inside = Facts(), self.about(run)
        reasons: defaultdict[int, list[str]] = defaultdict(list)
        for number, entry in enumerate(records.entries):
            if not inside(entry):
                continue
            row = _row(entry, number, run)
            for finding in row_findings(row, context, rules):
                reasons[number].append(f"{finding.code} {finding.name}: {finding.text}")
            facts.add(row)
            entry.settle()
        for rule in rules:
            for problem in rule.check_file(facts, context) if rule.check_file is not None else ():
                if problem.line is not None:  # lines are numbers of rows from 1 here
                    reasons[problem.line - 1].append(f"{rule.code} {rule.name}")
        for number in sorted(reasons, reverse=True):
            entry = records.entries[number]
            records.remove(entry, number, same=True)
            run.drop(entry, reasons[number][0])


def _row(entry: Entry, number: int, run: StepRun) -> Row:
    """A record as the linter sees it, on a line of its own."""
    from workbench.dataset.rules.facts import Row

    try:
        value = entry.value
    except DecodeError as error:
        return Row(number, number + 1, entry.raw, error)
    if run.format in CHAT_LIKE:
        try:
            return Row(number, number + 1, entry.raw, value, parse_chat(value))
        except RecordError:
            pass  # the rules about rows say what is wrong with it
    return Row(number, number + 1, entry.raw, value)
