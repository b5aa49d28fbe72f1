"""`ftwb run`: what was measured, looked at again: items, slices, votes, and records to learn from."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, add_group, confirm, context_of, project_of
from workbench.errors import WorkbenchError

NEAREST = 5
"""Neighbours that are listed where nothing else is said."""


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`run list|show|items|slices|votes|neighbours|teach`."""
    verbs = add_group(commands, shared, "run", "what was measured, looked at again")
    add_command(verbs, shared, "list", run_list, "the project's runs, newest first")
    _of_run(add_command(verbs, shared, "show", run_show, "one run: candidates, comparisons, votes"))
    items = _of_run(add_command(verbs, shared, "items", run_items, "its answers item by item"))
    items.add_argument("--which", choices=WHICH, default="all", help="which items (default: all)")
    items.add_argument("--candidate", metavar="C", help="with --which regressions: the one that scored less")
    items.add_argument("--against", metavar="C", help="with --which regressions: than this one")
    _of_run(add_command(verbs, shared, "slices", run_slices, "scores by length, label and number of turns"))
    _of_run(add_command(verbs, shared, "votes", run_votes, "what people preferred, voting blind (v in the app votes)"))
    near = add_command(verbs, shared, "neighbours", run_neighbours, "the training records nearest to an item")
    near.add_argument("item", metavar="ITEM", type=int, help="its number in the test set, from 1")
    near.add_argument("--most", metavar="K", type=int, default=NEAREST, help=f"how many (default: {NEAREST})")
    _of_run(near)
    teach = add_command(verbs, shared, "teach", run_teach, "add an item's record to the training file, unsaved")
    teach.add_argument("item", metavar="ITEM", type=int, help="its number in the test set, from 1")
    teach.add_argument("--yes", action="store_true", help="also where it leaks the test set into training")
    _of_run(teach)


WHICH = ("all", "regressions", "disagreements", "failed", "wrong")


def _of_run(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--run", dest="run_id", metavar="RUN", help="default: the newest")
    return parser


def _chosen(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Context, project and run; raises where there is none."""
    from workbench.workflow.runs import list_runs

    context = context_of(args)
    project = project_of(args, context)
    runs = list_runs(context, project)
    for run in runs:
        if args.run_id in (None, run.run):
            return context, project, run
    if not runs:
        raise WorkbenchError(
            f"project {project.slug!r}", "has measured nothing yet", "run `ftwb evaluate`", code="no_run"
        )
    names = ", ".join(run.run for run in runs[:5])
    raise WorkbenchError(f"run {args.run_id!r}", "is not one of the project", f"its runs: {names}", code="unknown_run")


def run_list(args: argparse.Namespace) -> int:
    """Each with its best candidate."""
    from workbench.workflow.runs import list_runs

    context = context_of(args)
    runs = list_runs(context, project_of(args, context))
    rows: list[dict[str, Any]] = [
        {
            "run": run.run,
            "created_at": run.created_at.isoformat(),
            "side": run.side,
            "scorer": run.scorer,
            "test_sha256": run.test_sha256,
            "items": run.items,
            "candidates": [row.candidate for row in run.candidates],
        }
        for run in runs
    ]
    if args.json:
        output.emit_json({"runs": rows})
    else:
        output.table(
            [[row["run"], row["side"], row["scorer"], row["items"], len(row["candidates"])] for row in rows],
            ["RUN", "SIDE", "SCORER", "ITEMS", "CANDIDATES"],
        )
    return 0


def run_show(args: argparse.Namespace) -> int:
    """As `evaluate` printed it, and the votes since."""
    from workbench.cli.evaluate_show import print_run
    from workbench.cli.run_show import votes_text
    from workbench.workflow.votes import preferences

    context, project, run = _chosen(args)
    votes = preferences(context, project, run)
    if args.json:
        output.emit_json(run.model_dump(mode="json") | {"votes": [one.model_dump(mode="json") for one in votes]})
        return 0
    print_run(run)
    for one in votes:
        output.say(votes_text(one))
    return 0


def run_items(args: argparse.Namespace) -> int:
    """Number, question, reference, and what each candidate said and got."""
    from workbench.evaluate.grid import Which, chosen, grid
    from workbench.workflow.runs import run_items as answers_of

    context, project, run = _chosen(args)
    which = Which.WRONG if args.which == "wrong" else Which(args.which)
    if which is Which.REGRESSIONS and not (args.candidate and args.against):
        raise WorkbenchError(
            "--which regressions", "compares two", "name --candidate and --against", code="usage", exit_code=2
        )
    known = [row.candidate for row in run.candidates]
    for text in filter(None, (args.candidate, args.against)):
        if text not in known:
            raise WorkbenchError(
                text, "was not measured in this run", f"it has {', '.join(known)}", code="usage", exit_code=2
            )
    items = grid(answers_of(context, project, run.run))
    found = chosen(items, which, args.candidate or "", args.against or "")
    rows: list[dict[str, Any]] = [
        {
            "item": item.index + 1,
            "question": item.question,
            "reference": item.plain.reference,
            "answers": {
                text: {"output": row.output, "score": item.scores.get(text), "error": row.error}
                for text, row in item.answers.items()
            },
        }
        for item in found
    ]
    if args.json:
        output.emit_json({"run": run.run, "items": rows})
        return 0
    for row in rows:
        output.say(f"item {row['item']}: {_line(row['question'])}")
        output.say(f"  reference: {_line(row['reference'])}")
        for text, answer in row["answers"].items():
            score = "-" if answer["score"] is None else f"{answer['score']:.2f}"
            output.say(f"  {score}  {text}: {_line(answer['error'] or answer['output'])}")
    return 0


def _line(text: Any) -> str:
    return " ".join(str(text or "").split())


def run_slices(args: argparse.Namespace) -> int:
    """Intervals on each slice alone, not corrected for their number."""
    from workbench.cli.run_show import print_slices
    from workbench.evaluate.slices import slices
    from workbench.workflow.runs import run_items as answers_of

    context, project, run = _chosen(args)
    candidates = [row.candidate for row in run.candidates]
    found = list(slices(answers_of(context, project, run.run), candidates, run.task.seed))
    if args.json:
        parts = [
            {
                "by": part.way,
                "slice": part.name,
                "n": part.n,
                "underpowered": part.underpowered,
                "candidates": [
                    {"candidate": one.candidate, "n": one.n, "score": one.score, "ci95": one.ci95}
                    for one in part.results
                ],
            }
            for part in found
        ]
        output.emit_json({"run": run.run, "slices": parts})
    elif not found:
        output.say("no slices: the items are alike in length, label and turns")
    else:
        print_slices(found, candidates)
    return 0


def run_votes(args: argparse.Namespace) -> int:
    """Who was which is told here: that it was seen is kept with the votes."""
    from workbench.cli.run_show import votes_text
    from workbench.workflow.votes import polls, preference

    context, project, run = _chosen(args)
    found = [preference(poll.ballot.look()) for poll in polls(context, project, run)]
    if args.json:
        output.emit_json({"run": run.run, "votes": [one.model_dump(mode="json") for one in found]})
        return 0
    for one in found:
        output.say(votes_text(one))
    if not found:
        output.say("nobody voted yet: open the run in Evaluate (2) and press v")
    return 0


def run_neighbours(args: argparse.Namespace) -> int:
    """By shared words, nearest first."""
    from workbench.evaluate.neighbours import nearest
    from workbench.evaluate.task import load_items
    from workbench.workflow.teaching import training_file

    context, project, run = _chosen(args)
    item = _item(context, project, run, args.item)
    found = nearest(item.question, load_items(training_file(project)), args.most)
    rows = [
        {
            "record": one.record.index + 1,
            "shared": round(one.shared, 4),
            "question": one.record.question,
            "reference": one.record.reference,
        }
        for one in found
    ]
    if args.json:
        output.emit_json({"run": run.run, "item": args.item, "question": item.question, "neighbours": rows})
        return 0
    output.say(f"item {args.item}: {_line(item.question)}")
    output.table(
        [
            [row["record"], f"{row['shared']:.0%}", _line(row["question"])[:60], _line(row["reference"])[:30]]
            for row in rows
        ],
        ["RECORD", "SHARED", "QUESTION", "REFERENCE"],
    )
    return 0


def _item(context: Any, project: Any, run: Any, number: int) -> Any:
    """The item with that number in the test set."""
    from workbench.evaluate.grid import grid
    from workbench.workflow.runs import run_items as answers_of

    items = {item.index + 1: item for item in grid(answers_of(context, project, run.run))}
    if number not in items:
        span = f"it has items {min(items)} to {max(items)}" if items else "it has none"
        raise WorkbenchError(f"item {number}", f"is not in {run.run}", span, code="unknown_item", exit_code=2)
    return items[number]


def run_teach(args: argparse.Namespace) -> int:
    """A record of the test set needs a yes: training on it is a leak."""
    from workbench.workflow.teaching import lesson_of, teach

    context, project, run = _chosen(args)
    item = _item(context, project, run, args.item)
    lesson = lesson_of(context, project, run, item.plain)
    if lesson.side == "test":
        confirm(
            args,
            f"item {args.item} is of the test set: training on it is a leak. Add it all the same?",
            "nothing was added",
        )
    taught = teach(context, project, lesson)
    if args.json:
        output.emit_json({"path": str(taught.path), "record": taught.number, "side": lesson.side})
    else:
        output.say(
            f"record {taught.number:,} of {taught.path} is the item; not saved yet: open it with ftwb and ctrl+s"
        )
    return 0
