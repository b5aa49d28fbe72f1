"""The command line's contract: names, JSON keys and exit codes that scripts rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench import __version__
from workbench.resources import samples_dir
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
TEN = [(f"question number {n}", f"answer {n % 3}") for n in range(12)]


def test_version(ftwb: Ftwb) -> None:
    assert ftwb("--version").out == f"ftwb {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [("dataset",), ("job", "create"), ("engine", "start", "--no-such"), ("job", "show"), ("no-such-thing",)],
)
def test_wrong_usage_ends_with_2(ftwb: Ftwb, arguments: tuple[str, ...]) -> None:
    assert ftwb(*arguments).code == 2


def test_a_file_opens_the_workbench_and_without_a_terminal_that_is_said(ftwb: Ftwb) -> None:
    ran = ftwb(str(samples_dir() / "tickets" / "train.jsonl"))
    assert ran.code == 2
    assert ran.err.startswith("ftwb: the workbench: needs a terminal; ")


def test_an_error_is_one_line_and_with_json_also_a_document(ftwb: Ftwb, tmp_path: Path) -> None:
    ran = ftwb("dataset", "check", str(tmp_path / "none.jsonl"), "--json")
    assert ran.code == 1
    assert ran.err.count("\n") == 1 and ran.err.startswith("ftwb: ")
    assert set(ran.json["error"]) == {"code", "message", "hint"}
    assert "Traceback" not in ran.err


def test_check_of_a_clean_sample(ftwb: Ftwb) -> None:
    ran = ftwb("dataset", "check", str(samples_dir() / "recipes" / "train.jsonl"), "--json")
    assert ran.code == 0
    assert {"file", "format", "records", "errors", "warnings", "findings"} <= set(ran.json)
    assert (ran.json["format"], ran.json["records"], ran.json["errors"]) == ("chat", 330, 0)


def test_check_finds_a_broken_line_seven_and_ends_with_3(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    path = chat_file("broken.jsonl", *TEN)
    lines = path.read_text().splitlines()
    lines[6] = lines[6][:-3]
    path.write_text("\n".join(lines) + "\n")
    ran = ftwb("dataset", "check", str(path), "--json")
    assert ran.code == 3
    (finding,) = [one for one in ran.json["findings"] if one["severity"] == "error"]
    assert finding["line"] == 7
    assert set(finding) >= {"code", "name", "severity", "line", "message_index", "text", "fixable"}


def test_check_says_by_what_the_format_was_told_and_where_others_are(
    ftwb: Ftwb, chat_file: Callable[..., Path]
) -> None:
    path = chat_file("mixed.jsonl", *TEN)
    with path.open("a", encoding="utf-8") as file:
        file.write('\n{"text": "alone"}\n')
    last = ftwb("dataset", "check", str(path)).out.splitlines()[-1]
    assert "chat records (12 of 13 records have `messages`; mixed with 1 text (line 14))" in last


def test_ignored_rules_are_not_reported(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    path = chat_file("empty-answer.jsonl", *TEN, ("and this?", " "))
    found = ftwb("dataset", "check", str(path), "--json").json["findings"]
    assert found
    names = ",".join({one["name"] for one in found})
    assert ftwb("dataset", "check", str(path), "--ignore", names, "--json").json["findings"] == []
    some = found[0]["name"]
    kept = ftwb("dataset", "check", str(path), "--select", some, "--json").json["findings"]
    assert {one["name"] for one in kept} == {some}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("binary.jsonl", bytes(range(256)) * 8),
        ("utf16.jsonl", '{"messages": []}\n'.encode("utf-16")),
    ],
)
def test_unusable_files_get_one_sentence_and_1(ftwb: Ftwb, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    for verb in ("check", "stats"):
        ran = ftwb("dataset", verb, str(tmp_path / name))
        assert ran.code == 1, (verb, ran)
        assert ran.err.count("\n") == 1 and name in ran.err


def test_a_directory_is_no_dataset(ftwb: Ftwb, tmp_path: Path) -> None:
    assert ftwb("dataset", "check", str(tmp_path)).code == 1


def test_stats_give_the_cookbooks_figures(ftwb: Ftwb) -> None:
    """The toy set of the cookbook's notebook: 8,242 billable tokens an epoch at 16,385, and 4,306 at 4,096."""
    toy = str(Path(__file__).parent.parent / "data" / "toy_chat_fine_tuning.jsonl")
    found = ftwb("dataset", "stats", toy, "--json").json
    assert found["billable_tokens_per_epoch"] == 8242
    assert found["n_epochs"] == 20
    assert ftwb("dataset", "stats", toy, "--max-tokens", "4096", "--json").json["billable_tokens_per_epoch"] == 4306
    assert set(found["tokens"]) == {"min", "max", "mean", "median", "p5", "p95", "total"}
    said = ftwb("dataset", "stats", toy, "--max-tokens", "4096").out.splitlines()
    assert "over the limit of 4,096 tokens: 1 (line 5)" in said
    assert "0-499                     4  " + "#" * 40 in said


def test_a_fixed_copy_is_written_and_the_source_stays(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]
) -> None:
    path = chat_file("blank.jsonl", *TEN)
    before = b"\n" + path.read_bytes()
    path.write_bytes(before)
    out = tmp_path / "fixed.jsonl"
    assert ftwb("dataset", "check", str(path), "--fix", "-o", str(out)).code == 0
    assert out.read_bytes() == before[1:]
    assert path.read_bytes() == before
    assert ftwb("dataset", "check", str(path), "--fix").code == 2


def test_projects_are_made_listed_and_opened(ftwb: Ftwb) -> None:
    assert [one["name"] for one in ftwb("project", "list", "--json").json["projects"]] == ["default"]
    made = ftwb("project", "new", "Mine", "--sample", "tickets", "--json")
    assert made.code == 0 and made.json["name"] == "mine"
    listed = ftwb("project", "list", "--json").json["projects"]
    assert {one["name"]: one["open"] for one in listed} == {"default": False, "mine": True}
    assert ftwb("project", "open", "default", "--json").json["name"] == "default"
    assert ftwb("project", "show", "--json").json["document"]["task"]["scorer"] == "set-f1"
    assert ftwb("--project", "nope", "project", "show").code == 1


def test_config_is_set_read_and_listed(ftwb: Ftwb) -> None:
    assert ftwb("config", "set", "preferences.theme", "ftwb-light").code == 0
    assert ftwb("config", "get", "preferences.theme", "--json").json["value"] == "ftwb-light"
    assert ftwb("config", "list", "--json").json["config"]["preferences.theme"] == "ftwb-light"
    assert ftwb("config", "set", "preferences.nope", "1").code == 2


def test_profiles_say_what_they_miss(ftwb: Ftwb) -> None:
    found = {one["name"]: one for one in ftwb("profile", "list", "--json").json["profiles"]}
    assert found["local"]["configured"] is True
    assert "OPENAI_API_KEY" in found["openai"]["missing"]


def test_engine_status_never_starts_the_engine(ftwb: Ftwb, tmp_path: Path) -> None:
    assert ftwb("engine", "status", "--json").json["status"] == "stopped"
    assert not (tmp_path / "home" / "engine" / "lock").exists()


def test_serve_wants_a_key(ftwb: Ftwb) -> None:
    ran = ftwb("serve", "--port", "0")
    assert ran.code == 2 and "FTWB_API_KEY" in ran.err


def test_doctor_never_starts_the_engine(ftwb: Ftwb, tmp_path: Path) -> None:
    ran = ftwb("doctor", "--json")
    assert ran.code in (0, 3)
    assert {"name", "ok", "detail", "fix"} == set(ran.json["checks"][0])
    assert (ran.code == 0) == all(check["ok"] for check in ran.json["checks"])
    assert not (tmp_path / "home" / "engine" / "lock").exists()


def test_chat_streams_and_counts(ftwb: Ftwb, provider: FakeProvider) -> None:
    provider.replies = ["Paris, of course.", "Paris, again."]
    assert ftwb("chat", "--model", "openai/gpt-4.1-mini-2025-04-14", "Capital?").out == "Paris, of course.\n"
    ran = ftwb("chat", "--model", "openai/gpt-4.1-mini-2025-04-14", "--json", "--system", "Be short.", "Capital?")
    assert ran.json["text"] == "Paris, again."
    assert {"text", "prompt_tokens", "completion_tokens", "first_token_s", "total_s", "cost"} <= set(ran.json)
    assert provider.requests[-1].json["messages"][0] == {"role": "system", "content": "Be short."}


def test_chat_shows_control_characters_instead_of_obeying_them(ftwb: Ftwb, provider: FakeProvider) -> None:
    provider.replies = ["red \x1b[31malert\x07"]
    assert "\x1b" not in ftwb("chat", "--model", "openai/gpt-4.1-mini-2025-04-14", "go").out


@pytest.mark.parametrize("model", ["starter", "nope/x", "openai/"])
def test_a_model_that_is_none_is_refused(ftwb: Ftwb, model: str) -> None:
    assert ftwb("chat", "--model", model, "hello").code in (1, 2)


def test_a_job_that_costs_money_needs_a_yes(ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]) -> None:
    train = str(chat_file("train.jsonl", *TEN))
    base = ("job", "create", "--profile", "openai", "--model", "gpt-4.1-mini-2025-04-14", "--train", train)
    assert ftwb(*base, "--json").code == 2
    assert provider.jobs == []
    made = ftwb(*base, "--yes", "--json", "--set", "n_epochs=2", "--suffix", "mine", "--seed", "7")
    assert made.code == 0
    assert {"id", "profile", "model", "method", "status", "created_at", "finished_at", "fine_tuned_model",
            "trained_tokens", "error", "settings", "cost"} <= set(made.json)  # fmt: skip
    sent = next(one.json for one in provider.requests if one.method == "POST" and one.path.endswith("/jobs"))
    assert sent["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    assert (sent["suffix"], sent["seed"]) == ("mine", 7)


def test_a_jobs_life_from_the_command_line(ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]) -> None:
    """Created, listed, shown, followed to its end, and still known when the provider is gone."""
    train = str(chat_file("train.jsonl", *TEN))
    made = ftwb("job", "create", "--profile", "openai", "--model", "gpt-4.1-mini-2025-04-14", "--train", train, "--yes",
                "--json").json  # fmt: skip
    for job in provider.jobs:
        provider.finish(job["id"])
    events = ftwb("job", "events", made["id"], "--json").json["events"]
    assert {"id", "created_at", "level", "type", "message", "data"} <= set(events[0])
    assert [one["created_at"] for one in events] == sorted(one["created_at"] for one in events)
    followed = ftwb("job", "events", made["id"], "--follow", "--json")
    assert [json.loads(line)["id"] for line in followed.out.splitlines()] == [one["id"] for one in events]
    shown = ftwb("job", "show", made["id"], "--json").json
    assert shown["status"] == "succeeded" and shown["fine_tuned_model"]
    assert ftwb("job", "checkpoints", made["id"], "--json").json["checkpoints"] != []
    assert ftwb("job", "show", "ftjob-nobody").code == 1


def test_the_evaluation_document(ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]) -> None:
    test = str(chat_file("test.jsonl", *[(f"is {n} even?", "yes" if n % 2 == 0 else "no") for n in range(60)]))
    provider.replies = lambda body: "yes" if int(body["messages"][-1]["content"].split()[1]) % 2 == 0 else "no"
    ran = ftwb("evaluate", "--test", test, "--scorer", "exact", "--candidate", "openai/gpt-4.1-mini-2025-04-14",
               "--candidate", "trivial/majority", "--train", test, "--yes", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert {"run", "test_sha256", "scorer", "candidates", "comparisons"} <= set(ran.json)
    scores = {one["candidate"]: one["score"] for one in ran.json["candidates"]}
    assert scores["openai/gpt-4.1-mini-2025-04-14"] == 1.0
    assert scores["trivial/majority"] == 0.5
    keys = {"candidate", "n", "score", "ci95", "prompt_tokens", "completion_tokens", "latency_p50_s", "latency_p95_s",
            "cost_per_1k", "failed"}  # fmt: skip
    assert keys <= set(ran.json["candidates"][0])
    pairs = len(scores) * (len(scores) - 1) // 2
    assert len(ran.json["comparisons"]) == pairs
    keys = {"a", "b", "difference", "ci95", "p_value", "test", "verdict", "underpowered"}
    assert keys <= set(ran.json["comparisons"][0])
    decided = ftwb("decide", "--json").json
    assert decided["verdict"] == "not-enough-evidence", "the training side is the test side: a leak blocks any verdict"
    assert {"stage", "verdict", "reasons", "missing", "checklist", "candidates", "break_even"} <= set(decided)
    assert "leak" in {reason["code"] for reason in decided["reasons"]}


def test_a_failed_call_is_a_failed_item(ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]) -> None:
    test = str(chat_file("test.jsonl", *TEN))
    provider.fail(
        "/chat/completions", status=400, times=1, body={"error": {"message": "no", "type": "x", "code": None}}
    )
    ran = ftwb(
        "evaluate",
        "--test",
        test,
        "--scorer",
        "exact",
        "--candidate",
        "openai/gpt-4.1-mini-2025-04-14",
        "--yes",
        "--json",
    )
    (row,) = [one for one in ran.json["candidates"] if one["candidate"].startswith("openai/")]
    assert (row["failed"], row["n"]) == (1, 11)


def test_every_item_failed_ends_with_1(ftwb: Ftwb, provider: FakeProvider, chat_file: Callable[..., Path]) -> None:
    test = str(chat_file("test.jsonl", *TEN))
    provider.fail("/chat/completions", status=400, times=999, body={"error": {"message": "no", "type": "x"}})
    ran = ftwb(
        "evaluate",
        "--test",
        test,
        "--scorer",
        "exact",
        "--candidate",
        "openai/gpt-4.1-mini-2025-04-14",
        "--yes",
        "--json",
    )
    assert ran.code == 1 and "error" in ran.json


def test_decide_without_a_run_says_what_to_run(ftwb: Ftwb, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    ran = ftwb("decide", "--json", "--report", str(report))
    assert ran.json["verdict"] == "not-enough-evidence" and ran.json["missing"]
    assert ran.json["break_even"] is None
    assert report.read_text().startswith("# ")


def test_no_traceback_unless_debug(ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a fault of ours is a sentence; `--debug` shows where."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("workbench.workflow.doctor.doctor", broken)
    ran = ftwb("doctor")
    assert ran.code == 1 and "boom" in ran.err and "Traceback" not in ran.err
    shown = ftwb("doctor", "--debug", "--json")
    assert shown.code == 1 and "Traceback" in shown.err and shown.json["error"]["code"] == "internal"
