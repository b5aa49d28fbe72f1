"""The linter: rules with codes."""

from __future__ import annotations

from workbench.dataset.rules import (  # noqa: F401 - importing a module registers its rules
    answers,
    duplicates,
    grading,
    images,
    labels,
    learning,
    limits,
    lines,
    messages,
    order,
    pairs,
    private,
    records,
    schemas,
    shapes,
    systems,
    tools,
    weights,
)
from workbench.dataset.rules.check import Report, check, findings
from workbench.dataset.rules.fix import Fixed, fix
from workbench.dataset.rules.registry import (
    ALL_FORMATS,
    Context,
    Finding,
    Rule,
    Severity,
    all_rules,
    find_rule,
    selected,
)

__all__ = [
    "ALL_FORMATS",
    "Context",
    "Finding",
    "Fixed",
    "Report",
    "Rule",
    "Severity",
    "all_rules",
    "check",
    "find_rule",
    "findings",
    "fix",
    "selected",
]
