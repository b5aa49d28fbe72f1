"""lm-eval: commands, and results in the shape that its version 0.4.13 writes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.lm_eval import as_run, command, read_results
from workbench.evaluate.task import TaskSpec

DATE = "2026-11-26T05-53-57.669774"
Write = Callable[..., Path]


@pytest.fixture
def results(tmp_path: Path) -> Write:
    """A results file of one task, with its samples where scores are given."""

    def write(name: str, scores: Sequence[float], *, samples: bool = True, task: str = "even", **table: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        mean = sum(scores) / len(scores)
        whole = {
            "results": {task: {"alias": task, "exact_match,strict": mean, "exact_match_stderr,strict": 0.05,
                               "exact_match,flexible": 1.0, "exact_match_stderr,flexible": "N/A", **table}},
            "n-samples": {task: {"original": 100, "effective": len(scores)}},
            "config": {"model": "local-chat-completions", "model_args": {"model": name, "base_url": "http://x/v1"}},
            "lm_eval_version": "0.4.13", "model_name": name,
        }  # fmt: skip
        path = folder / f"results_{DATE}.json"
        path.write_text(json.dumps(whole))
        lines = [
            {"doc_id": at, "doc": {"q": at}, "target": "yes", "filter": chosen, "metrics": ["exact_match"],
             "arguments": {"gen_args_0": {"arg_0": [json.dumps([{"role": "user", "content": f"is {at} even?"}])]}},
             "filtered_resps": ["yes" if score else "no"], "doc_hash": f"hash{at}", "prompt_hash": f"p{at}",
             "exact_match": score if chosen == "strict" else 1.0}
            for at, score in enumerate(scores)
            for chosen in ("strict", "flexible")
        ]  # fmt: skip
        if samples:
            file = folder / f"samples_{task}_{DATE}.jsonl"
            file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write


def test_a_candidate_is_a_command_that_lm_eval_takes() -> None:
    task = TaskSpec(system="Answer yes or no.", prompts={"short": "Be short; it's better."}, seed=3)
    words = shlex.split(
        command(parse_candidate("local/ft:a:b+few-shot:5"), task, ["gsm8k", "ifeval"], "http://h:1/v1/", 4)
    )
    assert words[:5] == ["lm_eval", "--model", "local-chat-completions", "--tasks", "gsm8k,ifeval"]
    arguments = dict(part.split("=", 1) for part in words[words.index("--model_args") + 1].split(","))
    assert arguments["model"] == "ft:a:b" and arguments["base_url"] == "http://h:1/v1/chat/completions"
    assert arguments["num_concurrent"] == "4"
    assert words[words.index("--num_fewshot") + 1] == "5" and "--fewshot_as_multiturn" in words
    assert words[words.index("--system_instruction") + 1] == "Answer yes or no."
    assert words[words.index("--seed") + 1] == "3" and "--log_samples" in words
    named = shlex.split(command(parse_candidate("local/m+prompt:short"), task, ["x"], "http://h/v1", 4))
    assert named[named.index("--system_instruction") + 1] == "Be short; it's better."
    assert "--system_instruction" not in command(parse_candidate("local/m"), TaskSpec(), ["x"], "http://h/v1", 4)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("local/m+rag:3", "retrieves"),
        ("trivial/majority", "without a model"),
        ("local/m+few-shot:3:similar", "chooses its examples by similar"),
        ("local/a,b", "comma"),
    ],
)
def test_what_lm_eval_cannot_do_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(WorkbenchError, match=why):
        command(parse_candidate(text), TaskSpec(), ["x"], "http://h/v1", 4)


def test_results_with_samples_are_compared_item_by_item(results: Write) -> None:
    """The filter of the metric is the one whose lines count; the interval is ours, not the standard error's."""
    good = read_results(results("good", [1.0] * 60))[0]
    half = read_results(results("half", [1.0, 0.0] * 30))[0]
    assert (good.task, good.metric, good.model, good.n, good.version) == (
        "even",
        "exact_match,strict",
        "good",
        60,
        "0.4.13",
    )
    run = as_run([("x/good", good), ("x/half", half)], "run-1")
    assert (run.side, run.imported, run.items) == ("imported", "lm-eval 0.4.13: even, exact_match,strict", 60)
    assert [(row.candidate, row.score, row.n) for row in run.candidates] == [("x/good", 1.0, 60), ("x/half", 0.5, 60)]
    one = run.comparison("x/good", "x/half")
    assert one is not None and one.verdict == "better" and one.test == "exact McNemar, Newcombe interval"
    assert half.rows[3].messages == [{"role": "user", "content": "is 3 even?"}]


def test_results_without_samples_keep_their_standard_error_and_are_not_compared(results: Write) -> None:
    good = read_results(results("good", [1.0, 0.0], samples=False))[0]
    other = read_results(results("other", [1.0] * 4))[0]
    run = as_run([("x/good", good), ("x/other", other)], "run-1")
    row = run.candidate("x/good")
    assert row is not None and (row.score, row.n) == (0.5, 2)
    assert row.ci95 == pytest.approx((0.5 - 0.098, 0.5 + 0.098), abs=1e-3)
    one = run.comparison("x/good", "x/other")
    assert one is not None and one.difference is None and "--log_samples" in one.differences[0]


def test_other_items_are_not_paired(results: Write) -> None:
    """A run with a limit has fewer items: those that are missing did not fail."""
    few, many = read_results(results("few", [1.0] * 5))[0], read_results(results("many", [0.0] * 9))[0]
    run = as_run([("x/few", few), ("x/many", many)], "run-1")
    assert [(row.n, row.failed) for row in run.candidates] == [(5, 0), (9, 0)]
    assert run.comparisons[0].difference is None


def test_the_metric_is_a_share_and_the_best_known_one(results: Write) -> None:
    path = results("a", [1.0], samples=False, **{"word_perplexity,none": 12.5})
    assert read_results(path)[0].metric == "exact_match,strict"
    whole = json.loads(path.read_text())
    whole["results"] = {"wiki": {"word_perplexity,none": 12.5, "alias": "wiki"}}
    path.write_text(json.dumps(whole))
    with pytest.raises(WorkbenchError, match="no task with a score"):
        read_results(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"results": {}}', '{"results": 3}', "\x00\xff"])
def test_what_is_no_result_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / f"results_{DATE}.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(WorkbenchError) as caught:
        read_results(path)
    assert caught.value.code == "bad_results"
    for place in (tmp_path / "none.json", tmp_path):
        with pytest.raises(WorkbenchError):
            read_results(place)


def test_a_broken_sample_names_its_line(results: Write) -> None:
    path = results("a", [1.0, 0.0])
    file = path.with_name(f"samples_even_{DATE}.jsonl")
    file.write_text(file.read_text() + '{"doc_id": 7, "filter": "strict"}\n')
    with pytest.raises(WorkbenchError, match="line 5 is no sample of lm-eval with the metric exact_match"):
        read_results(path)
