"""`ftwb evaluate`: every candidate on the same items."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.cli import output
from workbench.cli.arguments import (
    add_command,
    confirm,
    context_of,
    count,
    dollars,
    pairs,
    project_of,
    run_async,
    temperature,
)
from workbench.errors import WorkbenchError


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """`evaluate --test F --scorer NAME --candidate C...`."""
    parser = add_command(
        commands, shared, "evaluate", run, "measure candidates on the same items, with paired intervals"
    )
    parser.add_argument("--test", metavar="F", help="the test set (else the project's)")
    parser.add_argument("--train", metavar="F", help="where few-shot examples and trivial answers come from")
    parser.add_argument("--validation", metavar="F", help="where prompts, k and checkpoints are chosen")
    parser.add_argument(
        "--side",
        choices=("test", "validation"),
        help="validation: to choose by; nobody is judged by it (default: test)",
    )
    parser.add_argument("--checkpoints", metavar="JOB", help="measure a job's checkpoints on the validation side")
    parser.add_argument("--docs", metavar="DIR", help="a folder of documents for +rag:K")
    parser.add_argument(
        "--rag",
        metavar="K=V",
        action="append",
        default=[],
        help="chunk=CHARACTERS, template=TEXT with {passages} and {question}, embeddings=PROFILE/MODEL",
    )
    parser.add_argument(
        "--scorer",
        metavar="NAME",
        help="exact, normalized, contains, regex, json, json-fields, set-f1, token-f1, rouge-l, classification, judge",
    )
    parser.add_argument("--scorer-arg", metavar="K=V", action="append", default=[])
    parser.add_argument(
        "--candidate", metavar="C", action="append", default=[], help="PROFILE/MODEL[+TECHNIQUE:ARG]...; repeatable"
    )
    parser.add_argument("--system", metavar="S", help="system prompt in place of the records' own")
    parser.add_argument("--max-tokens", metavar="N", type=count)
    parser.add_argument("--temperature", metavar="T", type=temperature)
    parser.add_argument("--repeat", metavar="N", type=count, default=1)
    parser.add_argument("--limit", metavar="N", type=count)
    parser.add_argument("--seed", metavar="N", type=int)
    parser.add_argument(
        "--seeds", metavar="N", type=count, default=1, help="train each tuned candidate's job with N seeds first"
    )
    parser.add_argument(
        "--max-cost", metavar="USD", type=dollars, help="stop before this start's calls could cost more"
    )
    parser.add_argument("--yes", action="store_true", help="spend without asking")


def run(args: argparse.Namespace) -> int:
    """Measure and record a run of the project."""
    from workbench.workflow.measure import measure, quote_run
    from workbench.workflow.quickstart import pull_notice
    from workbench.workflow.train import checkpoint_candidates

    context = context_of(args)
    project = project_of(args, context)
    task = _task(args, project.task)
    candidates = args.candidate or ([] if args.test else project.document.candidates)

    def show(progress: Any) -> None:
        eta = f", about {progress.eta_s:.0f} s left" if progress.eta_s else ""
        spent = f", ${progress.spent:.4f} spent" if progress.spent else ""
        waiting = f" ({progress.waiting})" if progress.waiting else ""
        text = f"{progress.candidate}: {progress.done} of {progress.total}{eta}{spent}{waiting}"
        line(text, phase_changed=progress.done == 0)

    def fetching(step: Any) -> None:
        line(output.fetched(pull_notice("model", step)))

    side = args.side or ("validation" if args.checkpoints else "test")
    if args.checkpoints:
        if side == "test":
            hint = "leave --side out, then measure the best one with --candidate"
            raise WorkbenchError("--checkpoints", "is not for the test set", hint, code="usage", exit_code=2)
        candidates = [*args.candidate, *run_async(checkpoint_candidates(context, args.checkpoints))]
    asked: dict[str, Any] = {"task": task, "limit": args.limit, "repeat": args.repeat, "side": side}
    quote = run_async(quote_run(context, project, candidates, **asked))
    if args.seeds > 1:  # only now: what is wrong with the run is said before hours of training
        asked["siblings"] = _train_seeds(args, context, candidates)
        quote = run_async(quote_run(context, project, candidates, **asked))
    if quote.needs_yes:
        output.note(f"price: {quote.calls:,} calls to providers, {output.figure(quote.cost)}")
        confirm(args, f"measure for {output.figure(quote.cost)}?")
    with output.ProgressLine() as line:
        result = run_async(measure(context, project, candidates, **asked, progress=show, fetching=fetching))
    if args.json:
        output.emit_json(result)
    else:
        print_run(result)
    return 0


def _train_seeds(args: argparse.Namespace, context: Any, candidates: Sequence[str]) -> list[Any]:
    """Every tuned candidate trained with as many seeds as asked for; what is there already is not trained again."""
    from workbench.workflow.quickstart import training_notice
    from workbench.workflow.reproduce import train_seeds, tuned_candidates

    tuned = tuned_candidates(context, candidates)
    if not tuned:
        hint = "name a candidate that a job of this workspace made"
        raise WorkbenchError("--seeds", "none of the candidates is tuned", hint, code="no_tuned", exit_code=2)

    def agree(quote: Any, trainings: int) -> None:
        if quote.needs_yes:
            confirm(args, f"train {trainings} more times for {output.figure(quote.cost)}?")

    def show(view: Any, number: int, of: int) -> None:
        notice = training_notice(view.job.status, view.step, view.total_steps, view.series, view.eta_s)
        line(f"seed {view.job.seed}, {number} of {of}: {notice.text}")

    with output.ProgressLine() as line:
        return [run_async(train_seeds(context, text, args.seeds, agree=agree, progress=show)) for text in tuned]


def print_run(result: Any) -> None:
    """A run as two tables."""
    side = " (the validation side)" if result.side == "validation" else ""
    output.say(f"{result.run}: {result.scorer} on {result.test_sha256[:12]}{side}")
    if result.opened and result.opened > 1:
        output.say(f"this test set was opened {result.opened} times: choose on the validation side")
    output.table(
        [
            [
                c.candidate, c.n, _number(c.score), _interval(c.ci95), c.prompt_tokens, c.completion_tokens,
                _number(c.latency_p50_s), c.failed,
            ]
            for c in result.candidates
        ],
        ["CANDIDATE", "N", "SCORE", "95 %", "IN", "OUT", "P50 S", "FAILED"],
    )  # fmt: skip
    if result.best is not None:
        tied = f", tied with {', '.join(result.best.tied_with)}" if result.best.tied_with else ""
        output.say(f"best: {result.best.candidate} with {result.best.score:.3f}{tied}")
        output.say(f"next: ftwb evaluate --candidate {shlex.quote(result.best.candidate)}")
    if result.judge is not None:
        output.say(judge_text(result.judge))
    if any("+rag:" in row.candidate for row in result.candidates):
        output.say(rag_text(result.task))
    for spread in result.seeds:
        output.say(seeds_text(spread))
    output.say()
    output.table(
        [
            [
                c.a,
                c.b,
                _number(c.difference),
                _interval(c.ci95),
                f"{c.p_value:.2g}" if c.p_value is not None else "-",
                c.verdict + (" (underpowered)" if c.underpowered else ""),
            ]
            for c in result.comparisons
        ],
        ["A", "B", "A - B", "95 %", "P", "A IS"],
    )


def rag_text(task: Any) -> str:
    """What retrieval searched, and how."""
    if not task.docs:
        return f"retrieval: solved examples of {task.train}"
    shown = task.rag.template.replace("\n", "\u2424")
    return f"retrieval: passages of at most {task.rag.chunk:,} characters of {task.docs}, sent as: {shown}"


def judge_text(judge: Any) -> str:
    """How far the judge can be trusted, in one line."""
    shown = f"judge {judge.model}: {judge.judged} answers in both orders, agreement {_number(judge.agreement)}"
    failed = f", {judge.unreadable} not judged (failed)" if judge.unreadable else ""
    return f"{shown}, kappa {_number(judge.kappa)}, first shown wins {_number(judge.first_shown_wins)}{failed}"


def seeds_text(spread: Any) -> str:
    """The variation between training seeds, in one line."""
    if spread.mean is None or spread.sd is None:
        return f"{spread.candidate}: variation between training seeds: not measured"
    shown = ", ".join(f"{seed}: {_number(score)}" for seed, score in zip(spread.seeds, spread.scores, strict=True))
    return (
        f"{spread.candidate}: {spread.trained} training seeds, mean {spread.mean:.3f}, sd {spread.sd:.3f}, "
        f"{spread.low:.3f} to {spread.high:.3f} ({shown})"
    )


def _task(args: argparse.Namespace, task: Any) -> Any:
    changes: dict[str, Any] = {}
    if args.test and (test := str(Path(args.test).resolve())) != str(Path(task.test or "").resolve()):
        # Another test set is another task: the project's own train side would only leak into it by accident, and its
        # system prompt and limits are those of other records. What is not given is as the command line says.
        kept = {key: getattr(task, key) for key in ("scorer", "scorer_args", "prompts", "max_cost", "rag")}
        task = type(task).model_validate({"test": test} | kept)
    for key in ("train", "validation", "docs"):
        if getattr(args, key):
            changes[key] = str(Path(getattr(args, key)).resolve())
    for key in ("scorer", "system", "max_tokens", "temperature", "seed", "max_cost"):
        if getattr(args, key) is not None:
            changes[key] = getattr(args, key)
    if args.scorer_arg or args.scorer not in (None, task.scorer):
        changes["scorer_args"] = pairs(args.scorer_arg, "--scorer-arg")
    if args.rag:
        changes["rag"] = task.rag.model_dump() | _rag(args.rag)
    return type(task).model_validate(task.model_dump() | changes)


def _rag(texts: Sequence[str]) -> dict[str, str]:
    """`--rag K=V`; raises for a key or value that retrieval does not know."""
    from pydantic import ValidationError

    from workbench.evaluate.task import RagSettings

    given = pairs(texts, "--rag")
    for key in given:
        if key not in RagSettings.model_fields:
            known = ", ".join(RagSettings.model_fields)
            raise WorkbenchError(
                f"--rag {key}", "is no setting of retrieval", f"there are {known}", code="usage", exit_code=2
            )
    try:
        RagSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        why = str(first["msg"]).removeprefix("Value error, ")
        raise WorkbenchError(
            f"--rag {first['loc'][0]}", why, "see `ftwb evaluate --help`", code="usage", exit_code=2
        ) from None
    return given


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(ci95: Any) -> str:
    return "-" if not ci95 or ci95[0] is None else f"{ci95[0]:.3f} to {ci95[1]:.3f}"
