"""`ftwb dataset scan|duplicates|rules`: what should not be in training data, and what the linter looks for."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """The verbs."""
    scan = add_command(
        verbs, shared, "scan", run_scan, "find secrets and personal data; exit code 3 when there are any"
    )
    scan.add_argument("file", metavar="FILE")
    copies = add_command(
        verbs,
        shared,
        "duplicates",
        run_duplicates,
        "exact and near copies; exit code 3 when records leak into --against",
    )
    copies.add_argument("file", metavar="FILE")
    copies.add_argument("--against", metavar="FILE2", help="a file that must not have these records, as a test set")
    rules = add_command(verbs, shared, "rules", run_rules, "the linter's rules, or the page of one")
    rules.add_argument("code", metavar="CODE", nargs="?", help="a rule's code or name")


def progress_on(line: output.ProgressLine, what: str) -> Callable[[int, int], None]:
    """Rows done of rows in all, on a line that is rewritten."""
    return lambda done, total: line(f"{what}: {done:,} of {total:,} records")


def run_scan(args: argparse.Namespace) -> int:
    """List every hit, masked."""
    from workbench.workflow.examine import scan_dataset

    with output.ProgressLine() as line:
        found = scan_dataset(Path(args.file), progress=progress_on(line, "scanning"))
    if args.json:
        output.emit_json(found)
    else:
        for hit in found.findings:
            place = f"line {hit.line}" + ("" if hit.message_index is None else f", message {hit.message_index}")
            output.say(f"{place}: {hit.kind} {hit.masked}")
        counts = Counter(hit.group for hit in found.findings)
        said = f"{counts['secret']} secrets, {counts['personal']} pieces of personal data"
        output.say(f"{found.file}: {found.records} records, {said}")
    return 3 if found.findings else 0


def run_duplicates(args: argparse.Namespace) -> int:
    """List groups of copies, and leaks."""
    from workbench.workflow.examine import duplicates_in

    against = Path(args.against) if args.against else None
    with output.ProgressLine() as line:
        found = duplicates_in(Path(args.file), against, progress=progress_on(line, "comparing"))
    if args.json:
        output.emit_json(found)
        return 3 if found.leaked else 0
    for name, groups in (("exact", found.exact), ("near", found.near)):
        for group in groups:
            alike = "" if name == "exact" else f" ({group.similarity:.0%} alike)"
            output.say(f"{name}: lines {', '.join(map(str, group.lines))}{alike}")
    for leak in found.leaked:
        how = {"record": "the same record as", "prompt": "asks the same as", "near": "asks nearly the same as"}[
            leak.kind
        ]
        output.say(f"leaked: line {leak.line} {how} line {leak.against_line} of {args.against}")
    more = sum(len(group.lines) - 1 for group in found.exact)
    said = f"{more} exact copies, {len(found.near)} groups of near copies"
    leaks = "" if against is None else f", {len(found.leaked)} leaked records"
    output.say(f"{args.file}: {found.records} records, {said}{leaks}")
    return 3 if found.leaked else 0


def run_rules(args: argparse.Namespace) -> int:
    """The table of all rules, or one page of help."""
    from workbench.dataset.rules import all_rules, find_rule

    if args.code:
        rule = find_rule(args.code)
        if args.json:
            output.emit_json(_described(rule) | {"page": rule.page})
        else:
            output.say(f"{rule.code} {rule.name} ({_facts(rule)})\n\n{rule.page}")
        return 0
    if args.json:
        output.emit_json({"rules": [_described(rule) for rule in all_rules()]})
    else:
        rows = [(rule.code, rule.name, rule.severity, rule.title) for rule in all_rules()]
        output.table(rows, ("code", "name", "severity", "what it finds"))
    return 0


def _described(rule: Any) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "title": rule.title,
        "formats": sorted(rule.formats),
        "profiles": None if rule.profiles is None else sorted(rule.profiles),
        "fixable": rule.fixable,
    }


def _facts(rule: Any) -> str:
    from workbench.dataset.rules import ALL_FORMATS

    where = "everywhere" if rule.profiles is None else f"for {', '.join(sorted(rule.profiles))}"
    formats = "" if rule.formats == ALL_FORMATS else f", {', '.join(sorted(rule.formats))}"
    return f"{rule.severity}, {where}{formats}{', fixable' if rule.fixable else ''}"
