"""`ftwb dataset build|split|rewrite|diff`: what becomes of a file, and what became of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, confirm, context_of, model_of, run_async
from workbench.cli.dataset_examine import progress_on
from workbench.errors import WorkbenchError

_SHOWN = 20  # dropped records and differences that are listed for people
_WIDTH = 70  # characters of a changed text that are shown


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """The verbs."""
    build = add_command(verbs, shared, "build", run_build, "replay a recipe on new data, report what differs")
    build.add_argument("recipe", metavar="RECIPE")
    build.add_argument("--input", metavar="FILE", required=True)
    build.add_argument("--out", metavar="OUT", help="a file, or a folder where the recipe ends in a split")
    build.add_argument("--force", action="store_true", help="replace what is in OUT")
    split = add_command(verbs, shared, "split", run_split, "train, validation and test, near-duplicates on one side")
    split.add_argument("file", metavar="FILE")
    split.add_argument("--out-dir", metavar="D", required=True)
    split.add_argument(
        "--fractions", metavar="F", type=_fractions, default=[0.8, 0.1, 0.1], help="default 0.8,0.1,0.1; or 0.9,0.1"
    )
    split.add_argument("--seed", metavar="N", type=int, default=0)
    split.add_argument("--stratify", action="store_true", help="spread labels (short answers) evenly")
    split.add_argument("--keep-out", metavar="FILE2", help="a test set: records near one of it are written nowhere")
    split.add_argument("--force", action="store_true", help="replace files that are in D")
    rewrite = add_command(
        verbs, shared, "rewrite", run_rewrite, "texts written anew by a model, as a recipe; price first"
    )
    rewrite.add_argument("file", metavar="FILE")
    rewrite.add_argument("--model", metavar="PROFILE/MODEL", required=True)
    rewrite.add_argument(
        "--prompt", metavar="TEXT", required=True, help="what to do; {text} and {conversation} stand for themselves"
    )
    rewrite.add_argument("--role", metavar="R", default="assistant", help="whose texts (default: assistant)")
    rewrite.add_argument("--where", metavar="FILTER", default="", help="only records that this filter matches")
    rewrite.add_argument(
        "--recipe", metavar="R.toml", required=True, help="where the answers are kept; then `build` it"
    )
    rewrite.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    diff = add_command(verbs, shared, "diff", run_diff, "what was added, removed and changed between two versions")
    diff.add_argument("old", metavar="A", help="a file, or the SHA-256 of the data of a job")
    diff.add_argument("new", metavar="B")


def _fractions(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are not numbers with commas between, as 0.8,0.1,0.1") from None


def run_build(args: argparse.Namespace) -> int:
    """Replay."""
    from workbench.workflow.recipe import build_dataset

    out = Path(args.out) if args.out else None
    with output.ProgressLine() as line:
        built = build_dataset(
            context_of(args), Path(args.recipe), Path(args.input), out,
            force=args.force, progress=lambda done: line(f"building: {done:,} records"),
        )  # fmt: skip
    if args.json:
        output.emit_json(built)
        return 0
    for gone in built.dropped[:_SHOWN]:
        output.say(f"dropped: {'an inserted record' if gone.line is None else f'line {gone.line}'}: {gone.reason}")
    if len(built.dropped) > _SHOWN:
        output.say(f"… and {len(built.dropped) - _SHOWN} more")
    for difference in built.differences:
        step = "" if difference.step is None else f"step {difference.step}: "
        output.say(f"differs: {step}{difference.text}")
    for side, file in built.sides.items():
        output.say(f"{side}: {file.records} records in {file.path}")
    where = f" to {built.path}" if built.path is not None else ""
    output.say(f"{built.records} records, {built.written} written{where}, {len(built.dropped)} dropped")
    return 0


def run_split(args: argparse.Namespace) -> int:
    """Split."""
    from workbench.workflow.split import split_dataset

    with output.ProgressLine() as line:
        made = split_dataset(
            Path(args.file), Path(args.out_dir), args.fractions,
            seed=args.seed, stratify=args.stratify, force=args.force, progress=progress_on(line, "comparing"),
            keep_out=Path(args.keep_out) if args.keep_out else None,
        )  # fmt: skip
    if args.json:
        output.emit_json(made)
        return 0
    for side, file in (("train", made.train), ("validation", made.validation), ("test", made.test)):
        if file is not None:
            output.say(f"{side}: {file.records} records in {file.path}")
    kept_out = f", {len(made.kept_out)} kept out" if args.keep_out else ""
    output.say(f"{made.groups} groups, seed {made.seed}{kept_out}")
    return 0


def run_rewrite(args: argparse.Namespace) -> int:
    """Price, ask, keep the answers as a recipe."""
    from workbench.workflow.rewrite import plan_file, rewrite_file

    context, (profile, model) = context_of(args), model_of(args.model)
    recipe = Path(args.recipe)
    if recipe.exists():
        raise WorkbenchError(args.recipe, "exists already", "name another file", code="exists", exit_code=2)
    plan = plan_file(
        context, Path(args.file), profile=profile, model=model, prompt=args.prompt, role=args.role, where=args.where
    )
    if context.profile(profile).kind != "local":
        cost = output.figure(plan.cost)
        confirm(args, f"rewriting {len(plan.requests)} texts of {plan.records} records with {args.model} costs {cost}")
    with output.ProgressLine() as line:
        done = run_async(
            rewrite_file(
                context, plan, Path(args.file), recipe, where=args.where,
                progress=lambda done, total, failed: line(f"rewriting: {done} of {total} texts, {failed} failed"),
                fetching=lambda notice: line(str(notice.get("text", "fetching the model"))),
            )
        )  # fmt: skip
    rewritten = len(done.step.get("rewritten", ()))
    if args.json:
        output.emit_json(
            {
                "recipe": str(recipe),
                "records": plan.records,
                "rewritten": rewritten,
                "failed": done.failures,
                "prompt_tokens": done.prompt_tokens,
                "completion_tokens": done.completion_tokens,
                "cost": plan.cost,
            }
        )
    else:
        for failure in done.failures[:_SHOWN]:
            output.say(f"failed: record {failure.key + 1}, {failure.place}: {failure.why}")
        output.say(f"{rewritten} of {plan.records} records rewritten, {len(done.failures)} texts failed; in {recipe}")
        output.say(f"apply it: ftwb dataset build {recipe} --input {args.file}")
    return 0


def run_diff(args: argparse.Namespace) -> int:
    """Compare."""
    from workbench.workflow.compare import compare_datasets

    for side in (args.old, args.new):
        if not side:
            raise WorkbenchError("a file's name", "is empty", "name a file", code="usage", exit_code=2)
    with output.ProgressLine() as line:
        made = compare_datasets(context_of(args), args.old, args.new, progress=progress_on(line, "comparing"))
    if args.json:
        output.emit_json(made)
        return 0
    for removed in made.removed:
        output.say(f"- line {removed}")
    for record in made.changed:
        was = "" if record.line == record.line_before else f" (was line {record.line_before})"
        output.say(f"~ line {record.line}{was}" + ("" if record.changes else ": only its spelling"))
        for change in record.changes:
            output.say(f"    {change.place or 'record'}: {_short(change.was)} → {_short(change.now)}")
    for added in made.added:
        output.say(f"+ line {added}")
    counts = f"{len(made.added)} added, {len(made.removed)} removed, {len(made.changed)} changed, {made.same} the same"
    output.say(counts + (", in another order" if made.reordered else ""))
    return 0


def _short(text: str | None) -> str:
    """A changed text on one line."""
    if text is None:
        return "nothing"
    said = " ".join(text.split())
    return repr(said if len(said) <= _WIDTH else f"{said[:_WIDTH]}…")
