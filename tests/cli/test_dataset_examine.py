"""`ftwb dataset scan|duplicates|rules`, by the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.dataset.rules import all_rules

Ftwb = Callable[..., Any]
KEY = "sk-" + "a1b2c3d4" * 6


def test_scan_lists_masked_hits_and_exits_with_3(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    """The keys are the contract's; the secret itself is never printed."""
    path = chat_file("leaky.jsonl", ("hi", "hello"), ("my key?", f"it is {KEY}"))
    ran = ftwb("dataset", "scan", str(path), "--json")
    assert ran.code == 3
    [finding] = ran.json["findings"]
    assert {key: finding[key] for key in ("kind", "line", "message_index")} == {
        "kind": "openai-key", "line": 2, "message_index": 1,
    }  # fmt: skip
    assert finding["masked"] == "sk-…c3d4" and KEY not in ran.out + ran.err
    said = ftwb("dataset", "scan", str(path))
    assert said.code == 3 and "line 2, message 1: openai-key sk-…c3d4" in said.out and KEY not in said.out


def test_a_clean_file_scans_to_nothing(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    """Exit code 0 and an empty list."""
    ran = ftwb("dataset", "scan", str(chat_file("clean.jsonl", ("hi", "hello"))), "--json")
    assert (ran.code, ran.json["findings"]) == (0, [])
    assert ftwb("dataset", "scan", "no-such-file.jsonl", "--json").code == 1


def test_the_rules_are_listed_from_the_registry(ftwb: Ftwb) -> None:
    """The table has every rule, and one rule its whole page, by code or name."""
    listed = ftwb("dataset", "rules", "--json").json["rules"]
    assert [rule["code"] for rule in listed] == [rule.code for rule in all_rules()]
    page = ftwb("dataset", "rules", "unrecognized_role")
    assert page.code == 0 and page.out.startswith("M003 unrecognized_role (error, everywhere")
    assert "ShareGPT" in page.out and "ShareGPT" in ftwb("dataset", "rules", "M003", "--json").json["page"]
    table = ftwb("dataset", "rules").out
    assert all(rule.name in table for rule in all_rules())
    assert ftwb("dataset", "rules", "Q999").code == 2
    assert json.loads(ftwb("dataset", "rules", "Q999", "--json").out)["error"]["code"] == "unknown_rule"


def test_duplicates_lists_copies_and_leaks(ftwb: Ftwb, chat_file: Callable[..., Path]) -> None:
    """Copies alone are no failure; a leak is, with the lines on both sides."""
    long = "the courier left my parcel in the rain at number forty although it was promised for tuesday"
    path = chat_file("a.jsonl", ("hi", "hello"), (long, "sorry"), ("hi", "hello"), (long + " evening", "sorry"))
    ran = ftwb("dataset", "duplicates", str(path), "--json")
    assert ran.code == 0 and ran.json["leaked"] == []
    assert [group["lines"] for group in ran.json["exact"]] == [[1, 3]]
    assert [group["lines"] for group in ran.json["near"]] == [[2, 4]]
    other = chat_file("b.jsonl", ("what?", "that"), (long, "we are very sorry"))
    ran = ftwb("dataset", "duplicates", str(path), "--against", str(other), "--json")
    assert ran.code == 3
    assert [(leak["line"], leak["against_line"], leak["kind"]) for leak in ran.json["leaked"]] == [
        (2, 2, "prompt"), (4, 2, "near"),
    ]  # fmt: skip
    said = ftwb("dataset", "duplicates", str(path), "--against", str(other))
    assert said.code == 3 and "line 2 asks the same as line 2" in said.out and "2 leaked records" in said.out
    assert ftwb("dataset", "duplicates", str(path), "--against", "none.jsonl", "--json").code == 1
