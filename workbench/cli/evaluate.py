"""`ftwb evaluate`: every candidate on the same items."""

from __future__ import annotations

import argparse
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
    parser.add_argument(
        "--regression",
        metavar="FILE",
        nargs="?",
        const="",
        help="also ask base and tuned model plain questions of general ability: the bundled ones, or FILE's",
    )
    parser.add_argument(
        "--lm-eval", metavar="TASKS", help="print the lm-eval command of each candidate for these tasks, and do nothing"
    )
    parser.add_argument("--served", metavar="URL", help="where `ftwb serve` listens, for --lm-eval")
    parser.add_argument(
        "--import-lm-eval", metavar="JSON", nargs="+", help="record results of lm-eval as runs marked imported"
    )
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
    """Measure and record a run of the project, and where asked another one of general ability."""
    from workbench.cli.evaluate_show import print_general, print_run
    from workbench.workflow.measure import measure

    context = context_of(args)
    project = project_of(args, context)
    if args.import_lm_eval:
        return _import(args, context, project)
    task = _task(args, project.task)
    if args.lm_eval:
        return _export(args, context, task, args.candidate or project.document.candidates)
    candidates = _candidates(args, context, project)
    asked: dict[str, Any] = {"task": task, "limit": args.limit, "repeat": args.repeat, "side": _side(args)}
    asked["siblings"] = _agree(args, context, project, candidates, asked)
    general = None
    with output.ProgressLine() as line:
        said = Said(line)
        result = run_async(
            measure(context, project, candidates, **asked, progress=said.progress, fetching=said.fetching)
        )
        if args.regression is not None:
            from workbench.workflow.regress import measure_regression

            ceiling = None if task.max_cost is None else max(0.0, task.max_cost - said.spent)
            general = run_async(
                measure_regression(
                    context,
                    project,
                    result,
                    questions=args.regression or None,
                    max_cost=ceiling,
                    progress=said.progress,
                    fetching=said.fetching,
                )
            )
    if args.json:
        document = output.plain(result)
        output.emit_json(document | {"regression": general} if general is not None else document)
        return 0
    print_run(result)
    if general is not None:
        print_general(general)
    return 0


def _export(args: argparse.Namespace, context: Any, task: Any, candidates: Sequence[str]) -> int:
    """The candidates as commands of lm-eval."""
    from workbench.workflow.exchange import SERVED, export_lm_eval

    tasks = [name.strip() for name in args.lm_eval.split(",") if name.strip()]
    if not tasks:
        raise WorkbenchError("--lm-eval", "names no task", "for example gsm8k,ifeval", code="usage", exit_code=2)
    found = [export_lm_eval(context, text, task, tasks, args.served or SERVED) for text in candidates]
    if args.json:
        output.emit_json({"commands": found})
        return 0
    for one in found:
        output.note(f"{one.candidate}: OPENAI_API_KEY is the value of {one.key}")
        output.say(one.command)
    return 0


def _import(args: argparse.Namespace, context: Any, project: Any) -> int:
    """Results of lm-eval as runs."""
    from workbench.cli.evaluate_show import print_run
    from workbench.workflow.exchange import import_lm_eval

    runs = import_lm_eval(context, project, [Path(path) for path in args.import_lm_eval], args.candidate)
    if args.json:
        output.emit_json({"runs": runs})
        return 0
    for number, one in enumerate(runs):
        if number:
            output.say()
        print_run(one)
    return 0


class Said:
    """What goes on, on the progress line."""

    def __init__(self, line: output.ProgressLine) -> None:
        self._line = line
        self.spent = 0.0
        """US dollars of the run under way."""

    def progress(self, progress: Any) -> None:
        """How far the run is."""
        self.spent = progress.spent
        eta = f", about {progress.eta_s:.0f} s left" if progress.eta_s else ""
        spent = f", ${progress.spent:.4f} spent" if progress.spent else ""
        waiting = f" ({progress.waiting})" if progress.waiting else ""
        text = f"{progress.candidate}: {progress.done} of {progress.total}{eta}{spent}{waiting}"
        self._line(text, phase_changed=progress.done == 0)

    def fetching(self, step: Any) -> None:
        """How far a base model is."""
        from workbench.workflow.quickstart import pull_notice

        self._line(output.fetched(pull_notice("model", step)))


def _side(args: argparse.Namespace) -> str:
    if args.checkpoints and args.side == "test":
        hint = "leave --side out, then measure the best one with --candidate"
        raise WorkbenchError("--checkpoints", "is not for the test set", hint, code="usage", exit_code=2)
    return args.side or ("validation" if args.checkpoints else "test")


def _candidates(args: argparse.Namespace, context: Any, project: Any) -> list[str]:
    """Those that were named, a job's checkpoints, else those of the project."""
    if args.checkpoints:
        from workbench.workflow.train import checkpoint_candidates

        _side(args)
        return [*args.candidate, *run_async(checkpoint_candidates(context, args.checkpoints))]
    return args.candidate or ([] if args.test else project.document.candidates)


def _agree(
    args: argparse.Namespace, context: Any, project: Any, candidates: Sequence[str], asked: dict[str, Any]
) -> Sequence[Any]:
    """Everything that can be refused, then the trainings for `--seeds`, then the price; returns the siblings."""
    from workbench.workflow.measure import quote_run

    quote = run_async(quote_run(context, project, candidates, **asked))
    siblings: Sequence[Any] = ()
    if args.regression is not None:
        from workbench.workflow.regress import quote_regression

        general = run_async(quote_regression(context, project, candidates, args.regression or None))
    if args.seeds > 1:  # only now: what is wrong with the run is said before hours of training
        siblings = _train_seeds(args, context, candidates)
        quote = run_async(quote_run(context, project, candidates, **asked, siblings=siblings))
    if args.regression is not None:
        quote = quote.plus(general)
    if quote.needs_yes:
        output.note(f"price: {quote.calls:,} calls to providers, {output.figure(quote.cost)}")
        confirm(args, f"measure for {output.figure(quote.cost)}?")
    return siblings


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
