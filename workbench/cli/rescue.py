"""`ftwb rescue`: fine-tuned models with the days they have left, and everything of them that can be saved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import add_command, confirm, context_of, count, run_async
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`rescue`."""
    parser = add_command(
        commands, shared, "rescue", run_rescue, "fine-tuned models with the days they have left; save what can be saved"
    )
    parser.add_argument("--profile", metavar="P", default="openai")
    parser.add_argument("--list", action="store_true", dest="only_list", help="only the list; nothing is downloaded")
    parser.add_argument("--golden", metavar="FILE", help="record every model's answers to these questions (costs)")
    parser.add_argument("--stored", action="store_true", help="bring stored completions home too, as chat records")
    parser.add_argument("--stored-to", metavar="FILE", help="stored completions as one new dataset (implies --stored)")
    parser.add_argument("--model", metavar="M", action="append", default=[], help="with --golden: only this model")
    parser.add_argument("--max-tokens", metavar="N", type=count, default=1024, help="with --golden: of one answer")
    parser.add_argument("--yes", action="store_true", help="spend without asking")


def run_rescue(args: argparse.Namespace) -> int:
    """List first, then save, then record, then say how to train again."""
    from workbench.workflow.rescue import inventory, save_everything
    from workbench.workflow.retrain import retrainings, write_commands

    if args.model and not args.golden:
        raise WorkbenchError("--model", "is only for --golden", "add --golden FILE", code="usage", exit_code=2)
    context = context_of(args)
    replay = context.complete_profile(args.profile).replay
    if replay:
        output.note(f"note: recorded: these are the models and days of the recording {replay}")
    found = run_async(inventory(context, args.profile))
    for note in found.notes:
        output.note(f"note: {note}")
    if not args.json:
        _print_models(found.models)
    if not args.only_list:
        with output.ProgressLine() as line:
            found = run_async(save_everything(context, args.profile, found, progress=line))
    stored = _stored(args, context, found) if args.stored or args.stored_to else []
    recorded = _record(args, context, found) if args.golden else []
    if recorded:
        found = _looked_again(context, args.profile, found)
    again = retrainings(context, args.profile, found.models, found.jobs) if not args.only_list else []
    written = write_commands(context, args.profile, again) if again else None
    if args.json:
        output.emit_json(
            {
                "profile": args.profile,
                "models": found.models,
                "jobs": len(found.jobs),
                "answers": recorded,
                "stored": stored,
                "stored_file": args.stored_to if args.stored_to and any(one.records for one in stored) else None,
                "retrain": again,
                "retrain_file": written,
                "replay": replay,
            }
        )
    elif not args.only_list:
        _print_saved(found, again, written)
    return 1 if any(one.failed for one in recorded) else 0


def _looked_again(context: Any, profile: str, found: Any) -> Any:
    """The same models, with the answers that are on the disk by now."""
    from dataclasses import replace

    from workbench.workflow.rescue import saved_of

    models = tuple(one.model_copy(update={"saved": saved_of(context, profile, one)}) for one in found.models)
    return replace(found, models=models)


def _record(args: argparse.Namespace, context: Any, found: Any) -> list[Any]:
    """The answers of the models that still answer, after a yes."""
    from workbench.workflow.golden import record_answers, recording_cost

    listed = [one.id for one in found.models if one.answers]
    if unknown := [name for name in args.model if name not in listed]:
        raise WorkbenchError(
            f"model {unknown[0]!r}", "is not a fine-tuned model that still answers", "see `ftwb rescue --list`"
        )
    chosen, golden = args.model or listed, Path(args.golden)
    calls, cost = recording_cost(context, args.profile, chosen, golden, max_tokens=args.max_tokens)
    owner = context.profile(args.profile)
    if calls and owner.kind != "local" and not owner.replay:
        confirm(args, f"ask {len(chosen)} models {calls} questions for {output.figure(cost)} at most?")
    with output.ProgressLine() as line:
        recorded = run_async(
            record_answers(context, args.profile, chosen, golden, max_tokens=args.max_tokens, progress=line)
        )
    for one in recorded:
        failed = f"; {one.failed} failed ({one.why}), run it again" if one.failed else ""
        output.note(f"{one.model}: {one.answers} answers in {one.path}{failed}")
    return list(recorded)


def _stored(args: argparse.Namespace, context: Any, found: Any) -> list[Any]:
    """Stored completions of the models, as files that `ftwb dataset check` takes."""
    from workbench.workflow.stored import refuse_taken, save_stored, write_dataset

    if args.stored_to:
        refuse_taken(Path(args.stored_to))
    with output.ProgressLine() as line:
        names = [one.id for one in found.models]
        stored = run_async(save_stored(context, args.profile, names, progress=line))
    for one in stored:
        where = f" in {one.path}" if one.records else ""
        output.note(f"{one.model}: {one.records} stored completions{where}{f' ({one.why_not})' if one.why_not else ''}")
    if args.stored_to:
        written = write_dataset(stored, Path(args.stored_to))
        output.note(f"{written} records in {args.stored_to}" if written else "no stored completion came home: no file")
    return list(stored)


def _print_models(models: Any) -> None:
    if not models:
        output.say("no fine-tuned models")
        return
    output.table(
        [
            [one.id, one.base, one.retires or "-", "-" if one.days_left is None else one.days_left,
             "listed" if one.listed else "gone", ", ".join(one.saved) or "-"]
            for one in models
        ],
        ["MODEL", "BASE", "RETIRES", "DAYS LEFT", "STATE", "SAVED"],
    )  # fmt: skip
    if dated := next((one for one in models if one.source), None):
        output.say(f"dates: {dated.source}")


def _print_saved(found: Any, again: Any, written: Path | None) -> None:
    output.say()
    for one in found.models:
        output.say(f"{one.id}: saved {', '.join(one.saved) or 'nothing'}")
        for why in one.missing:
            output.say(f"  not saved: {why}")
    for one in again:
        output.say(f"\ntrain {one.model} again")
        for command in (one.local, one.azure):
            if command:
                output.say(f"  {command}")
        for why in one.why_not:
            output.say(f"  {why}")
    if written is not None:
        output.say(f"\nthese commands are in {written}")
