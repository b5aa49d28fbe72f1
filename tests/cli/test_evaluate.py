"""`ftwb evaluate` and `ftwb job reproduce`: what the contract does not say already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
MODEL = "gpt-4.1-mini-2025-04-14"
PAIRS = [(f"is {n} even?", "yes" if n % 2 == 0 else "no") for n in range(12)]


@pytest.fixture
def test_set(chat_file: Callable[..., Path]) -> str:
    return str(chat_file("test.jsonl", *PAIRS))


def trained(ftwb: Ftwb, provider: FakeProvider, path: str) -> dict:
    made = ftwb("job", "create", "--profile", "openai", "--model", MODEL, "--train", path, "--seed", "3", "--yes",
                "--json").json  # fmt: skip
    provider.finish(made["id"])
    return ftwb("job", "show", made["id"], "--json").json


def test_a_job_is_reproduced_only_after_a_yes_where_it_costs_money(
    ftwb: Ftwb, provider: FakeProvider, test_set: str
) -> None:
    job = trained(ftwb, provider, test_set)
    refused = ftwb("job", "reproduce", job["id"], "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "needs_yes")
    again = ftwb("job", "reproduce", job["id"], "--seed", "4", "--yes", "--json").json
    assert (again["seed"], again["model"], again["metadata"]["ftwb_again"]) == (4, MODEL, job["id"])


def test_seeds_are_part_of_the_evaluation_document(ftwb: Ftwb, provider: FakeProvider, test_set: str) -> None:
    job = trained(ftwb, provider, test_set)
    tuned = f"openai/{job['fine_tuned_model']}"
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", tuned, "--seeds", "2")
    refused = ftwb(*evaluate, "--json")
    assert (refused.code, refused.json["error"]["code"], len(provider.jobs)) == (2, "needs_yes", 1)
    other = ftwb("job", "reproduce", job["id"], "--seed", "4", "--yes", "--json").json
    provider.finish(other["id"])
    ftwb("job", "show", other["id"])
    shown = ftwb(*evaluate, "--yes", "--json")
    (spread,) = shown.json["seeds"]
    assert (spread["candidate"], spread["seeds"], len(spread["siblings"])) == (tuned, [3, 4], 1)
    assert {"mean", "sd", "low", "high", "scores"} <= set(spread)
    assert f"{tuned}: 2 training seeds, mean 0.000, sd 0.000" in ftwb(*evaluate, "--yes").out
    assert len(provider.jobs) == 2


def test_seeds_without_a_tuned_candidate_are_refused(ftwb: Ftwb, provider: FakeProvider, test_set: str) -> None:
    ran = ftwb("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--seeds", "3")
    assert ran.code == 2 and "none of the candidates is tuned" in ran.err


def test_measuring_at_a_provider_needs_a_yes_and_says_what_it_can_cost(
    ftwb: Ftwb, provider: FakeProvider, test_set: str
) -> None:
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--json")
    refused = ftwb(*evaluate)
    assert (refused.code, refused.json["error"]["code"]) == (2, "needs_yes")
    assert "price: 12 calls to providers, 0.0" in refused.err and "USD (estimated)" in refused.err
    assert not [one for one in provider.requests if one.path.endswith("/chat/completions")]
    assert ftwb(*evaluate, "--yes").code == 0
    assert ftwb(*evaluate).code == 0, "everything is answered already: nothing can cost money"


def test_a_ceiling_stops_the_run_and_a_higher_one_goes_on(ftwb: Ftwb, provider: FakeProvider, test_set: str) -> None:
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--yes",
                "--max-tokens", "100", "--json")  # fmt: skip
    price = 100 * 1.6 / 1e6
    stopped = ftwb(*evaluate, "--max-cost", f"{2 * price}")
    assert (stopped.code, stopped.json["error"]["code"]) == (1, "cost_ceiling")
    assert "spent" in stopped.json["error"]["message"]
    asked = len([one for one in provider.requests if one.path.endswith("/chat/completions")])
    assert 0 < asked < 12
    assert ftwb(*evaluate, "--max-cost", "1").json["candidates"][0]["n"] == 12
    assert len([one for one in provider.requests if one.path.endswith("/chat/completions")]) == 12
    assert ftwb(*evaluate, "--max-cost", "-1").code == 2


def test_a_rate_limit_fails_no_item(ftwb: Ftwb, provider: FakeProvider, test_set: str) -> None:
    body = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
    provider.fail("/chat/completions", status=429, times=5, body=body, headers={"retry-after-ms": "20"})
    ran = ftwb("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--yes", "--json")
    assert (ran.json["candidates"][0]["n"], ran.json["candidates"][0]["failed"]) == (12, 0)
    assert "rate limit" in ran.err


def test_a_profile_says_how_many_calls_at_once(
    ftwb: Ftwb, provider: FakeProvider, test_set: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.evaluate import pacing

    seen: list[int] = []
    made = pacing.Pace.__init__

    def noted(self: pacing.Pace, most: int, **more: object) -> None:
        seen.append(most)
        made(self, most, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pacing.Pace, "__init__", noted)
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}", "--yes")
    ftwb(*evaluate)
    assert ftwb("config", "set", "profiles.openai.concurrency", "0").code == 2
    assert ftwb("config", "set", "profiles.openai.concurrency", "9").code == 0
    ftwb(*evaluate, "--system", "another prompt")
    assert seen == [4, 9]


def test_checkpoints_are_measured_on_the_validation_side_and_the_best_is_named(
    ftwb: Ftwb, provider: FakeProvider, test_set: str, chat_file: Callable[..., Path]
) -> None:
    job = trained(ftwb, provider, test_set)
    for one in ftwb("job", "checkpoints", job["id"], "--json").json["checkpoints"]:
        provider.add_model(one["fine_tuned_model_checkpoint"])
    provider.replies = lambda body: "yes" if "step-3" in body["model"] else "no idea"
    chosen = str(chat_file("validation.jsonl", *PAIRS[:6]))
    evaluate = ("evaluate", "--test", test_set, "--validation", chosen, "--scorer", "exact", "--yes",
                "--checkpoints", job["id"])  # fmt: skip
    shown = ftwb(*evaluate, "--json").json
    assert (shown["side"], shown["items"], len(shown["candidates"])) == ("validation", 6, 4)
    assert shown["best"]["candidate"].endswith(":ckpt-step-3") and shown["best"]["score"] == 0.5
    assert f"next: ftwb evaluate --candidate {shown['best']['candidate']}" in ftwb(*evaluate).out
    refused = ftwb(*evaluate, "--side", "test")
    assert refused.code == 2 and "not for the test set" in refused.err
    without = ftwb("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}",
                   "--side", "validation", "--json")  # fmt: skip
    assert without.json["error"]["code"] == "no_validation_set"


def test_a_model_judges_and_the_document_says_how_well_it_agrees(
    ftwb: Ftwb, provider: FakeProvider, test_set: str
) -> None:
    provider.add_model("a-judge")
    provider.replies = lambda body: "VERDICT: TIE" if body["model"] == "a-judge" else "an answer"
    evaluate = ("evaluate", "--test", test_set, "--scorer", "judge", "--scorer-arg", "criterion=which is kinder",
                "--candidate", f"openai/{MODEL}")  # fmt: skip
    assert ftwb(*evaluate, "--yes").code == 2, "no model was named"
    judged = (*evaluate, "--scorer-arg", "model=openai/a-judge")
    assert "36 calls to providers" in ftwb(*judged).err
    ran = ftwb(*judged, "--yes", "--json").json
    assert {"model", "criterion", "judged", "agreement", "kappa", "first_shown_wins", "unreadable"} <= set(ran["judge"])
    assert (ran["judge"]["model"], ran["judge"]["judged"], ran["judge"]["agreement"]) == ("openai/a-judge", 12, 1.0)
    assert ran["candidates"][0]["score"] == 0.5
    again = ftwb(*judged)
    assert again.code == 0 and "judge openai/a-judge: 12 answers in both orders, agreement 1.000, kappa -" in again.out


def test_settings_of_retrieval_are_given_and_shown(
    ftwb: Ftwb, provider: FakeProvider, test_set: str, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("is 3 even? " * 40)
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--candidate", f"openai/{MODEL}+rag:1", "--yes",
                "--docs", str(tmp_path / "docs"), "--limit", "4")  # fmt: skip
    ran = ftwb(*evaluate, "--rag", "chunk=100", "--rag", "template=Notes: {passages} Now: {question}")
    assert "passages of at most 100 characters" in ran.out and "Notes: {passages} Now: {question}" in ran.out
    sent = provider.requests[-1].json["messages"][-1]["content"]
    assert sent.startswith("Notes: [1] is 3 even?") and " Now: is " in sent
    for wrong in ("chunk=3", "chunk=many", "template=no holes", "size=3"):
        refused = ftwb(*evaluate, "--rag", wrong)
        assert refused.code == 2 and "ftwb: --rag " in refused.err, wrong


def test_general_ability_is_a_table_of_its_own(ftwb: Ftwb, provider: FakeProvider, test_set: str) -> None:
    job = trained(ftwb, provider, test_set)
    evaluate = ("evaluate", "--test", test_set, "--scorer", "exact", "--regression", "--candidate")
    tuned = f"openai/{job['fine_tuned_model']}"
    assert "140 calls to providers" in ftwb(*evaluate, tuned).err, "12 of the task, 64 each of base and tuned"
    ran = ftwb(*evaluate, tuned, "--yes", "--json").json
    assert [row["candidate"] for row in ran["regression"]["candidates"]] == [f"openai/{MODEL}", tuned]
    assert ran["regression"]["side"] == "regression" and len(ran["candidates"]) == 1
    shown = ftwb(*evaluate, tuned).out
    assert shown.count("CANDIDATE") == 2 and "general ability" in shown
    assert ftwb(*evaluate, f"openai/{MODEL}", "--json").json["error"]["code"] == "no_tuned"


def test_lm_eval_commands_are_printed_and_its_results_read_back(
    ftwb: Ftwb, provider: FakeProvider, tmp_path: Path
) -> None:
    ran = ftwb("evaluate", "--lm-eval", "gsm8k,ifeval", "--candidate", f"openai/{MODEL}", "--json")
    (one,) = ran.json["commands"]
    assert one["candidate"] == f"openai/{MODEL}" and one["command"].startswith("lm_eval --model local-chat-completions")
    assert provider.requests == []
    shown = ftwb("evaluate", "--lm-eval", "gsm8k", "--candidate", "local/starter", "--served", "http://gpu:1/v1")
    assert "base_url=http://gpu:1/v1/chat/completions" in shown.out and "FTWB_API_KEY" in shown.err
    assert ftwb("evaluate", "--lm-eval", ",").code == 2
    path = tmp_path / "results_d.json"
    path.write_text(json.dumps({"results": {"arc": {"acc,none": 0.5, "acc_stderr,none": 0.1}},
                                "n-samples": {"arc": {"effective": 25}}, "model_name": "org/m"}))  # fmt: skip
    (run,) = ftwb("evaluate", "--import-lm-eval", str(path), "--json").json["runs"]
    assert (run["imported"], run["candidates"][0]["n"]) == ("lm-eval: arc, acc,none", 25)
    assert "imported from lm-eval" in ftwb("evaluate", "--import-lm-eval", str(path)).out
    assert ftwb("evaluate", "--import-lm-eval", str(tmp_path / "none.json")).code == 1
