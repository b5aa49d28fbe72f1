"""lm-eval (EleutherAI's evaluation harness): a candidate as its command, and its results as runs.

Its results hold a score a task with a standard error; where it logged its samples, they hold every item too, and then
candidates are compared item by item as everywhere else here. Its own comparison is unpaired.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.catalog.figure import Figure
from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, Selection, TechniqueKind
from workbench.evaluate.results import COST_UNIT, CandidateResult, Comparison, ItemResult, RunResult
from workbench.evaluate.statistics import z_of
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import TaskSpec, digest

PROFILE = "lm-eval"
"""The profile of a model that nobody named otherwise."""
_FIRST = ("exact_match", "acc", "acc_norm", "f1", "prompt_level_strict_acc", "pass@1", "bleu", "rougeL")
"""Which metric of a task is read, the first that is there; else its first one."""


def command(candidate: Candidate, task: TaskSpec, tasks: Sequence[str], base_url: str, concurrency: int) -> str:
    """The command line that measures a candidate on lm-eval's own tasks, at an endpoint of OpenAI's shape.

    The key travels in OPENAI_API_KEY. Raises `WorkbenchError` for a technique that lm-eval has not.
    """
    if candidate.is_trivial:
        raise _cannot(candidate, "answers without a model")
    if candidate.technique(TechniqueKind.RAG) is not None:
        raise _cannot(candidate, "retrieves, which lm-eval does not")
    arguments = {
        "model": candidate.model,
        "base_url": f"{base_url.rstrip('/')}/chat/completions",
        "num_concurrent": str(concurrency),
        "max_retries": "3",
        "tokenized_requests": "False",
    }
    if any("," in value for value in arguments.values()):
        raise _cannot(candidate, "has a comma in its name, which lm-eval takes for the end of it")
    parts = ["lm_eval", "--model", "local-chat-completions", "--tasks", ",".join(tasks)]
    parts += ["--model_args", ",".join(f"{key}={value}" for key, value in arguments.items())]
    parts += ["--apply_chat_template", "--gen_kwargs", f"temperature={task.temperature:g}"]
    few = candidate.technique(TechniqueKind.FEW_SHOT)
    if few is not None:
        if few.selection is not Selection.RANDOM:
            raise _cannot(candidate, f"chooses its examples by {few.selection}, which lm-eval does not")
        parts += ["--num_fewshot", str(few.k), "--fewshot_as_multiturn"]
    prompt = candidate.technique(TechniqueKind.PROMPT)
    system = task.prompts.get(prompt.argument) if prompt is not None else task.system
    if system:
        parts += ["--system_instruction", system]
    parts += ["--seed", str(task.seed), "--output_path", "lm-eval", "--log_samples"]
    return " ".join(shlex.quote(part) for part in parts)


def _cannot(candidate: Candidate, why: str) -> WorkbenchError:
    return WorkbenchError(
        f"candidate {candidate.text}", why, "measure it with `ftwb evaluate`", code="not_supported", exit_code=2
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """One task of one results file."""

    task: str
    metric: str
    """`exact_match,strict-match`: the metric and its filter."""
    score: float
    error: float | None
    """Standard error; None where lm-eval gives none."""
    n: int
    model: str
    version: str
    rows: tuple[ItemResult, ...] = field(repr=False)
    """Every item, where its samples were logged."""


def read_results(path: Path) -> list[Measured]:
    """The tasks of a `results_….json`; its samples are those of the same date beside it. Raises `WorkbenchError`."""
    whole = _json(path)
    results = whole.get("results")
    if not isinstance(results, Mapping) or not results:
        raise _bad(path, "has no results of lm-eval")
    measured = []
    for task, table in results.items():
        metric = _metric(table if isinstance(table, Mapping) else {})
        if metric is None:
            continue  # a group's headline, or a task that failed
        name, _, chosen = metric.partition(",")
        error = table.get(f"{name}_stderr,{chosen}")
        rows = _samples(path, str(task), name, chosen)
        measured.append(
            Measured(
                task=str(task),
                metric=metric,
                score=float(table[metric]),
                error=float(error) if _is_number(error) else None,
                n=len(rows) or _count(whole, str(task)),
                model=_model(whole),
                version=str(whole.get("lm_eval_version") or ""),
                rows=tuple(rows),
            )
        )
    if not measured:
        raise _bad(path, "has no task with a score")
    return measured


def as_run(measured: Sequence[tuple[str, Measured]], run: str, seed: int = 0) -> RunResult:
    """One run of several candidates' results of the same task and metric; `measured` has their names."""
    first = measured[0][1]
    version = f" {first.version}" if first.version else ""
    imported = f"lm-eval{version}: {first.task}, {first.metric}"
    task = TaskSpec(scorer=f"lm-eval:{first.metric}", seed=seed)
    at = datetime.now(UTC)
    if _same_items(measured):
        rows = [row.model_copy(update={"candidate": name}) for name, one in measured for row in one.rows]
        items = len({row.index for row in rows})
        sha256 = digest(sorted({row.sha256 for row in rows}))
        made = summarise(
            rows, [name for name, _ in measured], run=run, test_sha256=sha256, task=task, items=items, created_at=at
        )
        return made.model_copy(update={"side": "imported", "imported": imported})
    return RunResult(
        run=run,
        test_sha256=digest([first.task, first.metric]),
        scorer=task.scorer,
        candidates=[_candidate(name, one) for name, one in measured],
        comparisons=[
            Comparison(a=a, b=b, differences=["not the same items, or none: lm-eval logs them with --log_samples"])
            for at_, (a, _) in enumerate(measured)
            for b, _ in measured[at_ + 1 :]
        ],
        task=task,
        created_at=at,
        items=max(one.n for _, one in measured),
        side="imported",
        imported=imported,
    )


def _same_items(measured: Sequence[tuple[str, Measured]]) -> bool:
    """Whether all of them logged the very same items: only then can they be paired."""
    items = {frozenset((row.index, row.sha256) for row in one.rows) for _, one in measured}
    return len(items) == 1 and frozenset() not in items


def _candidate(name: str, one: Measured) -> CandidateResult:
    half = None if one.error is None else z_of(0.95) * one.error
    return CandidateResult(
        candidate=name,
        n=one.n,
        score=one.score,
        ci95=None if half is None else (max(0.0, one.score - half), min(1.0, one.score + half)),
        cost_per_1k=Figure.not_measured(COST_UNIT, "lm-eval counts no tokens"),
        failed=0,
    )


def _json(path: Path) -> Mapping[str, Any]:
    try:
        whole = json.loads(path.read_bytes())
    except OSError as error:
        raise _bad(path, (error.strerror or "cannot be read").lower()) from error
    except ValueError as error:
        raise _bad(path, "is no JSON") from error
    if not isinstance(whole, Mapping):
        raise _bad(path, "is no JSON object")
    return whole


def _bad(path: Path, why: str) -> WorkbenchError:
    hint = "give the results_….json that lm-eval wrote into its --output_path"
    return WorkbenchError(str(path), why, hint, code="bad_results")


def _metric(table: Mapping[str, Any]) -> str | None:
    names = [key for key, value in table.items() if "_stderr" not in key and "," in key and _is_share(value)]
    ranked = [key for first in _FIRST for key in names if key.partition(",")[0] == first]
    return next(iter([*ranked, *names]), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_share(value: Any) -> bool:
    """A score as ours are, from 0 to 1; no perplexity."""
    return _is_number(value) and 0 <= value <= 1


def _count(whole: Mapping[str, Any], task: str) -> int:
    counts = whole.get("n-samples")
    one = counts.get(task) if isinstance(counts, Mapping) else None
    effective: Any = one.get("effective") if isinstance(one, Mapping) else None
    return int(effective) if _is_number(effective) else 0


def _model(whole: Mapping[str, Any]) -> str:
    """The model's name: lm-eval's own field, else out of the arguments, which are a text or a table."""
    config = whole.get("config")
    given = config.get("model_args") if isinstance(config, Mapping) else None
    if isinstance(given, str):
        given = dict(part.partition("=")[::2] for part in given.split(","))
    named = given.get("model") or given.get("pretrained") if isinstance(given, Mapping) else None
    return str(named or whole.get("model_name") or "unknown")


def _samples(path: Path, task: str, metric: str, chosen: str) -> list[ItemResult]:
    """The items of a task out of `samples_TASK_DATE.jsonl`, in which each filter has a line an item."""
    date = path.stem.partition("results_")[2]
    file = path.with_name(f"samples_{task}_{date}.jsonl")
    if not date or not file.is_file():
        return []
    rows = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            sample = json.loads(line)
            if sample.get("filter", chosen) != chosen:
                continue
            rows.append(_row(sample, metric))
        except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
            raise _bad(file, f"line {number} is no sample of lm-eval with the metric {metric}") from error
    return rows


def _row(sample: Mapping[str, Any], metric: str) -> ItemResult:
    said = sample.get("filtered_resps") or [""]
    arguments = sample.get("arguments")
    first = arguments.get("gen_args_0", {}).get("arg_0") if isinstance(arguments, Mapping) else None
    return ItemResult(
        candidate="",
        index=int(sample["doc_id"]),
        sha256=str(sample.get("doc_hash") or digest(sample.get("doc"))),
        key=str(sample.get("prompt_hash") or ""),
        messages=_messages(first),
        output=str(said[0]),
        reference=str(sample.get("target", "")),
        score=float(sample[metric]),
    )


def _messages(prompt: Any) -> list[dict[str, Any]]:
    """The prompt as sent: a list of messages written as JSON, or one text."""
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    try:
        read = json.loads(prompt) if isinstance(prompt, str) else prompt
    except ValueError:
        read = prompt
    if isinstance(read, list) and all(isinstance(one, dict) for one in read):
        return read
    return [{"role": "user", "content": str(prompt)}] if prompt else []
