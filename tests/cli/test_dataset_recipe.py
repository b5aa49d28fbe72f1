"""`ftwb dataset build|split|rewrite|diff`, by the contract."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.resources import samples_dir
from workbench.testing.fake_provider import FakeProvider

Ftwb = Callable[..., Ran]
PAIRS = [(f"What do I do with part number {n} of box {n * 7 % 13}?", f"answer {n}") for n in range(40)]


def rows(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_split_writes_three_files_of_the_very_rows(ftwb: Ftwb, tmp_path: Path) -> None:
    """Together they are the file; each says how many records and which bytes."""
    source = samples_dir() / "recipes" / "train.jsonl"
    ran = ftwb("dataset", "split", str(source), "--out-dir", str(tmp_path / "out"), "--seed", "3", "--json")
    assert ran.code == 0
    assert {"train", "validation", "test", "seed", "groups"} <= set(ran.json)
    written = []
    for side in ("train", "validation", "test"):
        told = ran.json[side]
        assert set(told) == {"path", "records", "sha256"}
        data = Path(told["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == told["sha256"] and data.count(b"\n") == told["records"]
        written += rows(Path(told["path"]))
    assert sorted(written) == sorted(rows(source))
    assert ran.json["seed"] == 3 and ran.json["test"]["records"] == pytest.approx(33, abs=3)


def test_split_keeps_copies_and_equal_questions_on_one_side(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]
) -> None:
    """The same question with another answer, and the same record, must not be in train and test."""
    twins = [(PAIRS[n][0], f"another answer {n}") for n in range(0, 40, 4)]
    path = chat_file("twins.jsonl", *PAIRS, *PAIRS[:10], *twins)
    for seed in ("0", "1"):
        out = tmp_path / seed
        ran = ftwb(
            "dataset", "split", str(path), "--out-dir", str(out), "--fractions", "0.6,0.2,0.2", "--seed", seed, "--json"
        )
        asked = {
            side: {json.loads(row)["messages"][0]["content"] for row in rows(out / f"{side}.jsonl")}
            for side in ("train", "validation", "test")
        }
        assert not asked["train"] & asked["test"] and not asked["train"] & asked["validation"]
        assert not asked["test"] & asked["validation"]
        assert ran.json["groups"] == 40


def test_split_twice_is_the_same_bytes_and_never_overwrites_unasked(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]
) -> None:
    """Same seed, same files, whatever the order of the rows; what is there stays without --force."""
    path = chat_file("in.jsonl", *PAIRS)
    arguments = ("--fractions", "0.8,0.2", "--json")
    first = ftwb("dataset", "split", str(path), "--out-dir", str(tmp_path / "a"), *arguments).json
    again = ftwb("dataset", "split", str(path), "--out-dir", str(tmp_path / "a"), *arguments)
    assert again.code == 2 and again.json["error"]["code"] == "exists"
    forced = ftwb("dataset", "split", str(path), "--out-dir", str(tmp_path / "a"), *arguments, "--force").json
    assert forced == first and first["test"] is None and not (tmp_path / "a" / "test.jsonl").exists()
    turned = tmp_path / "turned.jsonl"
    turned.write_bytes(b"".join(rows(path)[::-1]))
    other = ftwb("dataset", "split", str(turned), "--out-dir", str(tmp_path / "b"), *arguments).json
    assert sorted(rows(Path(other["train"]["path"]))) == sorted(rows(Path(first["train"]["path"])))


def test_split_keeps_what_is_near_a_test_set_out(ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]) -> None:
    """Those records are on no side, and their lines are told."""
    path, frozen = chat_file("in.jsonl", *PAIRS), chat_file("frozen.jsonl", PAIRS[4], (PAIRS[8][0], "else"))
    out = tmp_path / "out"
    ran = ftwb("dataset", "split", str(path), "--out-dir", str(out), "--keep-out", str(frozen), "--json")
    assert ran.json["kept_out"] == [5, 9]
    written = [row for side in ("train", "validation", "test") for row in rows(out / f"{side}.jsonl")]
    assert len(written) == 38 and not {rows(path)[4], rows(path)[8]} & set(written)


@pytest.mark.parametrize("fractions", ["0.8,0.1", "0.8", "a,b", "0.5,0.5,0", "-1,1,1"])
def test_fractions_that_do_not_fit_are_wrong_usage(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path], fractions: str
) -> None:
    """And nothing is written."""
    path = chat_file("in.jsonl", *PAIRS)
    assert ftwb("dataset", "split", str(path), "--out-dir", str(tmp_path / "d"), f"--fractions={fractions}").code == 2
    assert not (tmp_path / "d").exists()


def test_build_replays_a_recipe_and_says_what_differs(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]
) -> None:
    """With filters in the language of the list, and a limit in tokens."""
    path = chat_file("in.jsonl", *PAIRS, ("<b>bold</b>", "x"), ("long", "word " * 300), ("mail a@example.com", "y"))
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        '[[steps]]\nkind = "clean"\nfix = "html"\nseen = 10\ntouched = 5\ndropped = 0\n'
        '[[steps]]\nkind = "filter"\nquery = "tokens>200 or has:personal"\nkeep = false\n'
        '[[steps]]\nkind = "replace"\nfind = "part"\nwith = "piece"\nwhere = "line:1-2"\n'
    )
    ran = ftwb("dataset", "build", str(recipe), "--input", str(path), "--json")
    assert ran.code == 0 and {"records", "written", "dropped", "differences"} <= set(ran.json)
    assert (ran.json["records"], ran.json["written"]) == (43, 41)
    assert [gone["line"] for gone in ran.json["dropped"]] == [42, 43]
    assert ran.json["differences"][0]["code"] == "share_changed"
    out = tmp_path / "in.built.jsonl"
    made = out.read_bytes()
    assert made.count(b"piece") == 2 and b'"bold"' in made
    assert ftwb("dataset", "build", str(recipe), "--input", str(path)).code == 0
    assert out.read_bytes() == made
    named = ("dataset", "build", str(recipe), "--input", str(path), "--out", str(out))
    assert ftwb(*named).code == 2 and ftwb(*named, "--force").code == 0
    said = ftwb(*named, "--force").out
    assert "dropped: line 42: filter: matches tokens>200" in said and "43 records, 41 written" in said


def test_build_can_end_in_a_split(ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]) -> None:
    """Then a folder of sides is written, the same as `dataset split` of the file would."""
    path, recipe = chat_file("in.jsonl", *PAIRS, PAIRS[0]), tmp_path / "r.toml"
    recipe.write_text('[[steps]]\nkind = "dedupe"\n[[steps]]\nkind = "split"\nfractions = [0.8, 0.1, 0.1]\nseed = 5\n')
    ran = ftwb("dataset", "build", str(recipe), "--input", str(path), "--json")
    assert {side: file["records"] for side, file in ran.json["sides"].items()} == {
        "train": 32,
        "validation": 4,
        "test": 4,
    }
    assert ran.json["dropped"] == [{"line": 41, "reason": "the same as line 1"}]
    alone = chat_file("alone.jsonl", *PAIRS)
    split = ftwb("dataset", "split", str(alone), "--out-dir", str(tmp_path / "d"), "--seed", "5", "--json").json
    assert all(split[side]["sha256"] == ran.json["sides"][side]["sha256"] for side in ("train", "validation", "test"))


@pytest.mark.parametrize("query", ["tokens>", "has:duplicate", "nope:3"])
def test_build_refuses_a_filter_that_is_none(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path], query: str
) -> None:
    """One sentence, and no file."""
    path, recipe = chat_file("in.jsonl", *PAIRS), tmp_path / "r.toml"
    recipe.write_text(f'[[steps]]\nkind = "filter"\nquery = "{query}"\n')
    ran = ftwb("dataset", "build", str(recipe), "--input", str(path), "--json")
    assert ran.code in (1, 2) and set(ran.json) == {"error"}
    assert not (tmp_path / "in.built.jsonl").exists()


def test_diff_tells_what_became_of_a_file(ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]) -> None:
    """Lines of both sides, and what changed inside; the data of a job is named by its SHA-256."""
    old = chat_file("old.jsonl", *PAIRS)
    changed = [*PAIRS[:3], (PAIRS[3][0], "a new answer"), *PAIRS[5:], ("entirely new words here", "indeed")]
    new = chat_file("new.jsonl", *changed)
    ran = ftwb("dataset", "diff", str(old), str(new), "--json")
    assert ran.code == 0
    assert (ran.json["added"], ran.json["removed"], ran.json["same"]) == ([40], [5], 38)
    (record,) = ran.json["changed"]
    assert (record["line"], record["line_before"]) == (4, 4)
    assert record["changes"] == [
        {"place": "messages[1].content", "role": "assistant", "was": "answer 3", "now": "a new answer"}
    ]
    said = ftwb("dataset", "diff", str(old), str(new)).out
    assert "~ line 4\n" in said and "'answer 3' → 'a new answer'" in said and "1 added, 1 removed, 1 changed" in said
    data = old.read_bytes()
    kept = tmp_path / "home" / "data" / hashlib.sha256(data).hexdigest()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(data)
    assert ftwb("dataset", "diff", kept.name, str(new), "--json").json == ran.json
    assert ftwb("dataset", "diff", "0" * 64, str(new), "--json").json["error"]["code"] == "not_found"


def test_rewrite_keeps_answers_in_a_recipe_that_builds_without_the_model(
    ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path], provider: FakeProvider
) -> None:
    """A hosted model needs a yes; the build asks nobody, and says which records are new."""
    path, recipe = chat_file("in.jsonl", *PAIRS[:4]), tmp_path / "r.toml"
    provider.replies = lambda body: f"short {body['messages'][1]['content']}"
    arguments = (
        "dataset", "rewrite", str(path), "--model", "openai/gpt-4.1-mini-2025-04-14", "--prompt", "shorten",
        "--where", "line:1-2", "--recipe", str(recipe), "--json",
    )  # fmt: skip
    refused = ftwb(*arguments)
    assert refused.code == 2 and refused.json["error"]["code"] == "needs_yes" and not provider.requests
    ran = ftwb(*arguments, "--yes")
    assert (ran.code, ran.json["records"], ran.json["rewritten"], ran.json["failed"]) == (0, 2, 2, [])
    assert ran.json["cost"]["origin"] == "estimated"
    asked = len(provider.requests)
    more = chat_file("more.jsonl", *PAIRS[:1], ("new", "one"))
    built = ftwb("dataset", "build", str(recipe), "--input", str(more), "--json").json
    assert "not_rewritten" in [difference["code"] for difference in built["differences"]]
    answers = [json.loads(row)["messages"][1]["content"] for row in rows(tmp_path / "more.built.jsonl")]
    assert answers == ["short answer 0", "one"] and len(provider.requests) == asked
    assert ftwb(*arguments, "--yes").json["error"]["code"] == "exists"


def test_stratify_spreads_rare_labels(ftwb: Ftwb, tmp_path: Path, chat_file: Callable[..., Path]) -> None:
    """Five of fifty: with it one in ten on every side, also as the last step of a recipe."""
    words = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(100)]
    path = chat_file("labels.jsonl", *((words[n], "rare" if n % 10 == 0 else "common") for n in range(100)))

    def rare(folder: Path) -> list[int]:
        return [(folder / f"{side}.jsonl").read_text().count('"rare"') for side in ("train", "validation", "test")]

    spread = ("dataset", "split", str(path), "--seed", "1", "--out-dir")
    assert ftwb(*spread, str(tmp_path / "plain")).code == 0
    assert ftwb(*spread, str(tmp_path / "even"), "--stratify").code == 0
    assert rare(tmp_path / "even") == [8, 1, 1] != rare(tmp_path / "plain")
    recipe = tmp_path / "r.toml"
    recipe.write_text('[[steps]]\nkind = "split"\nfractions = [0.8, 0.1, 0.1]\nseed = 1\nstratify = true\n')
    assert ftwb("dataset", "build", str(recipe), "--input", str(path), "--out", str(tmp_path / "built")).code == 0
    assert rare(tmp_path / "built") == [8, 1, 1]
