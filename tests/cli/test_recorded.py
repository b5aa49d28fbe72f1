"""Nothing that a recording says is taken for a measurement, wherever a command shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14"
BASE = f"demo/{MODEL}"
PAIRS = [("What is the capital of France?", "Paris"), ("Add 2 and 2.", "4")] + [
    (f"is {n} even?", "yes" if n % 2 == 0 else "no") for n in range(40)
]


@pytest.fixture
def demo(ftwb: Ftwb) -> Ftwb:
    assert ftwb("profile", "add", "demo", "--replay", "openai").code == 0
    return ftwb


@pytest.fixture
def tuned(demo: Ftwb) -> str:
    (job,) = demo("job", "list", "--json").json["jobs"]
    return f"demo/{job['fine_tuned_model']}"


@pytest.fixture
def evaluate(demo: Ftwb, tuned: str, chat_file: Callable[..., Path]) -> tuple[str, ...]:
    test, train = chat_file("test.jsonl", *PAIRS), chat_file("train.jsonl", *((f"is {n} odd?", "no") for n in range(9)))
    return ("evaluate", "--test", str(test), "--train", str(train), "--scorer", "exact", "--candidate", BASE,
            "--candidate", tuned)  # fmt: skip


def test_a_run_says_which_of_its_rows_are_recorded(demo: Ftwb, tuned: str, evaluate: tuple[str, ...]) -> None:
    ran = demo(*evaluate, "--json")
    assert ran.code == 0, "nothing is asked of a provider, so nothing is to be agreed to"
    rows = {row["candidate"]: row for row in ran.json["candidates"]}
    assert {name: row["origin"] for name, row in rows.items()} == {
        name: "measured" if name.startswith("trivial/") else "recorded" for name in rows
    }
    assert rows[BASE]["cost_per_1k"]["origin"] == rows[tuned]["cost_per_1k"]["origin"] == "recorded"
    assert rows[BASE]["score"] == pytest.approx(2 / 42)
    for one in ran.json["comparisons"]:
        both_trivial = one["a"].startswith("trivial/") and one["b"].startswith("trivial/")
        assert one["origin"] == ("measured" if both_trivial else "recorded")
    shown = demo(*evaluate).out
    assert re.search(rf"{re.escape(BASE)} .* recorded$", shown, re.MULTILINE)
    assert re.search(r"trivial/majority .* measured$", shown, re.MULTILINE)
    assert "a recording, which measure nothing" in shown


def test_a_run_without_a_recording_has_no_column_for_it(
    demo: Ftwb, provider: Any, chat_file: Callable[..., Path]
) -> None:
    test = str(chat_file("test.jsonl", *PAIRS))
    words = ("evaluate", "--test", test, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--yes")
    assert {row["origin"] for row in demo(*words, "--json").json["candidates"]} == {"measured"}
    assert "ORIGIN" not in demo(*words).out


def test_a_recorded_answer_is_never_taken_for_a_provider_s(
    demo: Ftwb, provider: Any, evaluate: tuple[str, ...]
) -> None:
    """Not even by a profile that later takes the recording's name and model: the cache tells them apart."""
    assert demo(*evaluate, "--json").code == 0
    demo("profile", "add", "demo", "--replace", "--url", provider.base_url, "--key-env", "OPENAI_API_KEY")
    asked = demo("evaluate", "--test", evaluate[2], "--scorer", "exact", "--candidate", BASE, "--yes", "--json").json
    (row,) = asked["candidates"]
    assert (row["origin"], row["failed"]) == ("measured", 0)
    assert len([one for one in provider.requests if one.path.endswith("/chat/completions")]) == len(PAIRS)


def test_a_recording_spends_nothing_and_no_ceiling_stops_it(demo: Ftwb, evaluate: tuple[str, ...]) -> None:
    ran = demo(*evaluate, "--max-cost", "0.0000001", "--json")
    assert ran.code == 0, ran.err
    assert "spent" not in ran.err


def test_a_recorded_judge_makes_every_score_recorded(demo: Ftwb, provider: Any, chat_file: Callable[..., Path]) -> None:
    # The fake provider repeats what it is asked, and where answers are equal there is nothing to ask a judge.
    test, train = chat_file("test.jsonl", ("a", "a"), ("c", "c")), chat_file("train.jsonl", ("x", "c"))
    ran = demo("evaluate", "--test", str(test), "--train", str(train), "--scorer", "judge", "--scorer-arg",
               f"model={BASE}", "--candidate", f"openai/{MODEL}", "--yes", "--json")  # fmt: skip
    assert {row["origin"] for row in ran.json["candidates"]} == {"recorded"}
    assert ran.json["judge"]["origin"] == "recorded"


@pytest.mark.parametrize("recompute", [(), ("--recompute",)])
def test_a_decision_settles_nothing_by_a_recording(
    demo: Ftwb, tuned: str, evaluate: tuple[str, ...], tmp_path: Path, recompute: tuple[str, ...]
) -> None:
    demo(*evaluate, "--json")
    report = tmp_path / "report.md"
    words = ("decide", "--requests-per-month", "100000", "--report", str(report), *recompute)
    found = demo(*words, "--json").json
    assert (found["verdict"], found["stage"]) == ("not-enough-evidence", "before-training")
    assert "recorded" in {reason["code"] for reason in found["reasons"]}
    assert any("local/starter" in gap["command"] for gap in found["missing"])
    assert all(BASE not in gap["command"] for gap in found["missing"]), "more of a recording would settle nothing"
    assert {item["status"] for item in found["checklist"]} <= {"open", "measured"}
    for item in found["checklist"]:
        if item["id"] in ("prompt-engineering", "rag", "tunability", "quality", "cost"):
            assert item["status"] == "open", item
        for evidence in item["evidence"]:
            if "demo/" in evidence["text"]:
                assert (evidence["kind"], (evidence["figure"] or {}).get("origin")) == ("recorded", "recorded")
    rows = {row["candidate"]: row for row in found["candidates"]}
    for name in (BASE, tuned):
        assert rows[name]["origin"] == rows[name]["cost_per_1k"]["origin"] == "recorded"
        costs = {part: one["origin"] for part, one in rows[name]["costs"].items() if one["value"] is not None}
        nothing_trained = {"data", "training"}
        assert {origin for part, origin in costs.items() if part not in nothing_trained} == {"recorded"}, costs
    assert re.search(rf"{re.escape(BASE)} .*\$\S+ r", demo(*words).out), "the table marks it, and its legend says how"
    assert "r recorded" in demo(*words).out
    written = report.read_text()
    assert re.search(rf"`{re.escape(BASE)}` .*\| recorded \|$", written, re.MULTILINE)
    assert re.search(rf"^{re.escape(BASE)} .* recorded$", written, re.MULTILINE), "the chart as text"
    assert "(recorded)" in written and "r recorded" in written
    assert "recorded, not measured" in (tmp_path / "report-scores.svg").read_text()


def test_a_recording_s_job_and_reply_say_so(demo: Ftwb, tuned: str) -> None:
    (job,) = demo("job", "list", "--json").json["jobs"]
    assert job["replay"] == "openai"
    assert "succeeded (recorded)" in demo("job", "list").out
    assert "recorded: it is of the recording openai" in demo("job", "show", job["id"]).out
    assert demo("job", "series", job["id"], "--json").json["origin"] == "recorded"
    assert demo("job", "events", job["id"], "--json").json["replay"] == "openai"
    said = demo("chat", "--model", BASE, "Add 2 and 2.", "--json").json
    assert (said["text"], said["origin"], said["cost"]["origin"]) == ("4", "recorded", "recorded")
    assert "recorded" in demo("chat", "--model", BASE, "Add 2 and 2.").err
    assert demo("profile", "test", "demo", "--json").json["replay"] == "openai"
    assert "no provider" in demo("profile", "test", "demo").out


def test_deployments_of_a_recording_cost_nothing_and_their_meter_is_recorded(ftwb: Ftwb) -> None:
    assert ftwb("profile", "add", "sky", "--replay", "azure").code == 0
    listed = ftwb("deployment", "list", "--profile", "sky", "--json").json
    rows = {row["name"]: row for row in listed["deployments"]}
    assert set(rows) == {"base", "colours", "embeddings"} and rows["colours"]["status"] == "Succeeded"
    for figure in ("cost_per_month", "cost_so_far"):
        assert rows["colours"][figure]["origin"] == "recorded" and rows["colours"][figure]["value"] > 0
    assert "/accounts/recorded" not in listed["az"] and "--name recorded" in listed["az"]
    create = ("deployment", "create", rows["colours"]["model"], "--profile", "sky", "--name", "again", "--no-wait")
    made = ftwb(*create, "--json")
    assert (made.code, made.json["status"]) == (0, "Accepted"), "nothing is paid, so nothing is to be agreed to"
    assert made.json["cost_per_month"]["origin"] == "recorded"
    assert ftwb("deployment", "create", "x", "--profile", "sky", "--name", "other", "--no-wait").code == 1
    assert ftwb("deployment", "delete", "again", "--profile", "sky", "--yes").code == 0
    assert "again" not in ftwb("deployment", "list", "--profile", "sky").out
    left = ftwb("cleanup", "--profile", "sky", "--json").json
    assert {one["name"] for one in left["deployments"]} == set(rows)
    said = ftwb("chat", "--model", "sky/colours", "Add 2 and 2.", "--json").json
    assert (said["text"], said["origin"]) == ("4", "recorded")


def test_stored_completions_of_a_recording_come_home(demo: Ftwb, tuned: str) -> None:
    ran = demo("rescue", "--profile", "demo", "--stored", "--json")
    assert ran.json["replay"] == "openai" and "of the recording openai" in ran.err
    (stored,) = ran.json["stored"]
    assert (f"demo/{stored['model']}", stored["records"], stored["why_not"]) == (tuned, 3, None)
    records = [json.loads(line) for line in Path(stored["path"]).read_text().splitlines()]
    assert records[0]["messages"][-1] == {"role": "assistant", "content": "green"}
    assert records[1]["messages"][0]["content"][1]["type"] == "image_url"
    assert records[2]["messages"][-1]["tool_calls"][0]["function"]["name"] == "paint"


def test_a_recording_s_vectors_make_the_score_recorded(
    demo: Ftwb, provider: Any, chat_file: Callable[..., Path]
) -> None:
    """The model is a provider's, what it is shown is found by a recording."""
    test, train = (
        chat_file("test.jsonl", *PAIRS[:4]),
        chat_file("train.jsonl", *((f"is {n} odd?", "no") for n in range(9))),
    )
    ran = demo("evaluate", "--test", str(test), "--train", str(train), "--scorer", "exact", "--candidate",
               f"openai/{MODEL}+rag:2:dense", "--candidate", f"openai/{MODEL}", "--rag",
               "embeddings=demo/text-embedding-3-small", "--yes", "--json")  # fmt: skip
    origins = {row["candidate"]: row["origin"] for row in ran.json["candidates"]}
    assert origins[f"openai/{MODEL}+rag:2:dense"] == "recorded"
    assert origins[f"openai/{MODEL}"] == "measured"
    assert not [one for one in provider.requests if one.path.endswith("/embeddings")]


def test_golden_answers_of_a_recording_are_kept_as_such(demo: Ftwb, chat_file: Callable[..., Path]) -> None:
    """Whoever holds a successor against them later must know."""
    golden = chat_file("golden.jsonl", *PAIRS[:2])
    (answers,) = demo("rescue", "--profile", "demo", "--golden", str(golden), "--json").json["answers"]
    lines = [json.loads(line) for line in Path(answers["path"]).read_text().splitlines()]
    assert [line["replay"] for line in lines] == ["openai", "openai"]


def test_a_result_file_is_a_table_like_the_events(demo: Ftwb, tmp_path: Path) -> None:
    """With `--results`, also as CSV: what the provider kept when events are gone."""
    ran = demo("job", "series", "ftjob-recorded0001", "--results", "--csv", str(tmp_path / "r.csv"), "--json")
    assert ran.json["origin"] == "recorded"
    assert ran.json["series"]["train_loss"][0] == [1, 2.356098]
    assert "full_valid_loss" not in ran.json["series"], "the file has it not, the events have"
    assert "full_valid_loss" in demo("job", "series", "ftjob-recorded0001", "--json").json["series"]
    assert (tmp_path / "r.csv").read_text().startswith("step,train_loss,valid_loss,")
