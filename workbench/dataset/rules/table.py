"""The list of rules as a table for the README."""

from __future__ import annotations

from workbench.dataset.rules.registry import Rule, all_rules


def rule_table() -> str:
    """Every rule in a Markdown table, in the order of the codes."""
    head = ("| code | name | severity | applies to | fix | what it finds |", "| --- | --- | --- | --- | --- | --- |")
    return "\n".join([*head, *map(_line, all_rules())]) + "\n"


def _line(rule: Rule) -> str:
    where = "all" if rule.profiles is None else ", ".join(sorted(rule.profiles))
    title = rule.title.replace("|", "\\|")
    fix = "yes" if rule.fixable else ""
    return f"| {rule.code} | `{rule.name}` | {rule.severity} | {where} | {fix} | {title} |"
