"""`ftwb dataset`: check and count training data."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli import dataset_convert, dataset_examine, dataset_import, dataset_recipe, dataset_show, output
from workbench.cli.arguments import add_command, add_group, context_of, count, run_async
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.stats import Stats

_LISTED = 10  # lines over the limit that are named to people; --json has all
_BAR = 40  # characters of the longest bar


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`dataset check|stats` and what has a module of its own."""
    verbs = add_group(commands, shared, "dataset", "check and count training data")
    check = add_command(verbs, shared, "check", run_check, "lint a dataset; exit code 3 when there are errors")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--profile", metavar="P", help="add the rules of this profile")
    check.add_argument(
        "--model",
        metavar="M",
        help="add the limits of this model; local/NAME: also how its own template takes the records",
    )
    check.add_argument(
        "--select", metavar="R", action="append", default=[], help="only these rules (code, prefix or name; commas)"
    )
    check.add_argument("--ignore", metavar="R", action="append", default=[], help="not these rules")
    check.add_argument(
        "--against",
        metavar="FILE2",
        action="append",
        default=[],
        help="a file that must not share records with this one",
    )
    check.add_argument("--near", action="store_true", help="look for near copies too, which takes longer")
    check.add_argument("--fix", action="store_true", help="apply the safe fixes; needs -o")
    check.add_argument("-o", "--output", metavar="OUT", help="where the fixed copy goes")
    stats = add_command(verbs, shared, "stats", run_stats, "tokens, epochs and what a provider would bill")
    stats.add_argument("file", metavar="FILE")
    stats.add_argument("--model", metavar="M", help="whose tokens to count (else the cookbook's)")
    stats.add_argument("--max-tokens", metavar="N", type=count, help="a record over N tokens counts as cut at N")
    dataset_convert.register(verbs, shared)
    dataset_examine.register(verbs, shared)
    dataset_show.register(verbs, shared)
    dataset_import.register(verbs, shared)
    dataset_recipe.register(verbs, shared)


def run_check(args: argparse.Namespace) -> int:
    """Lint; with `--fix -o OUT` write a repaired copy first and report on that."""
    from workbench.dataset.rows import open_rows
    from workbench.dataset.rules import fix
    from workbench.workflow.counting import counter_of_model
    from workbench.workflow.prepare import check_dataset

    path = Path(args.file)
    if args.fix != bool(args.output):
        raise WorkbenchError("--fix and -o", "go together", "give both: --fix -o OUT", code="usage", exit_code=2)
    select, ignore = _listed(args.select), _listed(args.ignore)
    profile = context_of(args).profile(args.profile).kind if args.profile else None
    if args.fix:
        with open_rows(path) as rows:
            written = fix(rows, Path(args.output), profile=profile, select=select, ignore=ignore)
        output.note(f"{written.changed} records changed, written to {args.output}")
        path = Path(args.output)
    model, counter = None, None
    if args.model:
        model, counter = run_async(counter_of_model(context_of(args), args.model, args.profile))
    report = check_dataset(
        path,
        profile=profile,
        model=model,
        select=select,
        ignore=ignore,
        counter=counter,
        against=[Path(other) for other in args.against],
        near=args.near,
    )
    if args.json:
        output.emit_json(report)
    else:
        for finding in report.findings:
            place = f"line {finding.line}" if finding.line is not None else "file"
            if finding.message_index is not None:
                place += f", message {finding.message_index}"
            fixable = " (fixable)" if finding.fixable else ""
            output.say(f"{finding.code} {finding.severity:<7} {place}: {finding.text} [{finding.name}]{fixable}")
        counts = f"{report.errors} errors, {report.warnings} warnings"
        output.say(f"{report.file}: {report.records} {report.format} records ({report.reason}), {counts}")
    return 3 if report.errors else 0


def run_stats(args: argparse.Namespace) -> int:
    """Count tokens."""
    from workbench.workflow.prepare import dataset_stats

    with output.ProgressLine() as line:
        found = dataset_stats(
            context_of(args),
            Path(args.file),
            model=args.model,
            max_tokens=args.max_tokens,
            progress=dataset_examine.progress_on(line, "counting"),
        )
    if args.json:
        output.emit_json(found)
        return 0
    data = output.plain(found)
    spread = ("tokens", "assistant_tokens", "messages")
    output.say(f"{data['records']} records, {data['encoding']} ({'exact' if data['exact'] else 'not exact'})")
    if found.note:
        output.say(found.note)
    names = ("min", "p5", "median", "mean", "p95", "max", "total")
    output.table([[key, *(f"{data[key][name]:,.6g}" for name in names)] for key in spread], ["", *names])
    output.say(f"missing system {data['missing_system']}, missing user {data['missing_user']}")
    _say_histogram(found)
    lines = found.over_limit_lines
    where = f" (line {', '.join(map(str, lines[:_LISTED]))}{', …' * (len(lines) > _LISTED)})" if lines else ""
    limit = "" if found.max_tokens is None else f" of {found.max_tokens:,} tokens"
    output.say(f"over the limit{limit}: {found.over_limit}{where}")
    output.say(f"epochs by the cookbook's rule {data['n_epochs']}, billable tokens {data['billable_tokens']:,}")
    output.say(f"cost: {output.figure(found.cost)}")
    return 0


def _say_histogram(found: Stats) -> None:
    """A bar for every step of tokens, the longest as wide as `_BAR`; none is lost to rounding."""
    most = max(step.records for step in found.histogram)
    rows = [
        (f"{step.least:,}-{step.most:,}", step.records, "#" * math.ceil(step.records * _BAR / most))
        for step in found.histogram
    ]
    output.table(rows, ("tokens of a record", "records", ""))


def _listed(texts: list[str]) -> list[str]:
    return [part for text in texts for part in text.split(",") if part]
