"""The commands that would supply what is missing, spelled out so that they can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from workbench.evaluate.task import TaskSpec

DEFAULT_BASE = "local/starter"
FEW_SHOT = "+few-shot:5"
RAG = "+rag:3"


def join(parts: Iterable[str]) -> str:
    """One shell line."""
    return " ".join(shlex.quote(part) for part in parts)


def evaluate(task: TaskSpec, candidates: Sequence[str], *, test: str | None = None) -> str:
    """`ftwb evaluate` on the same task, with these candidates; answers that exist already are taken from the cache."""
    parts = ["ftwb", "evaluate", "--test", test or task.test or "TEST.jsonl"]
    for option, value in (("--train", task.train), ("--docs", task.docs)):
        if value:
            parts += [option, value]
    parts += ["--scorer", task.scorer]
    for key, value in task.scorer_args.items():
        parts += ["--scorer-arg", f"{key}={value}"]
    for candidate in dict.fromkeys(candidates):
        parts += ["--candidate", candidate]
    if task.system is not None:
        parts += ["--system", task.system]
    parts += ["--max-tokens", str(task.max_tokens)]
    if task.temperature:
        parts += ["--temperature", f"{task.temperature:g}"]
    if task.seed:
        parts += ["--seed", str(task.seed)]
    return join(parts)


def train(task: TaskSpec, base: str) -> str:
    """`ftwb job create` of the base candidate `PROFILE/MODEL` on the task's training side."""
    profile, _, model = base.partition("/")
    parts = ["ftwb", "job", "create", "--profile", profile, "--model", model, "--train", task.train or "TRAIN.jsonl"]
    if task.validation:
        parts += ["--validation", task.validation]
    return join([*parts, "--wait"])


def duplicates(task: TaskSpec) -> str:
    """`ftwb dataset duplicates` of the test set against the training side."""
    test, against = task.test or "TEST.jsonl", task.train or "TRAIN.jsonl"
    return join(["ftwb", "dataset", "duplicates", test, "--against", against])
