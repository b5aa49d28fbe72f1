"""Replaying: the same bytes as the edits themselves, and what differs on another file is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.digest import digest, digest_raw
from workbench.dataset.formats import Format
from workbench.dataset.recipe.document import Recipe, parse_recipe
from workbench.dataset.recipe.entry import Entry, Shelf
from workbench.dataset.recipe.record import (
    recipe_of,
    step_for_drop,
    step_for_insert,
    step_for_move,
    step_for_patch,
)
from workbench.dataset.recipe.replay import Replayed, order_of, preview, replay
from workbench.dataset.recipe.steps import STEPS, Services, parse_step
from workbench.dataset.tokens import FormulaCounter
from workbench.errors import WorkbenchError


def chat(*texts: str, **extra: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]} | extra


def raws(*values: Any) -> list[bytes]:
    return [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]


def played(steps: list[dict[str, Any]], rows: list[bytes], *, fmt: Format = Format.CHAT, **options: Any) -> Replayed:
    shelf = Shelf(0)  # every changed record goes to the file: what is read back is what was put there
    entries = (Entry(number, number + 1, raw.__bytes__, shelf) for number, raw in enumerate(rows))
    options.setdefault("services", Services(counter=lambda model: FormulaCounter("words", True, words)))
    return replay(recipe_of(steps).steps, entries, fmt, shelf=shelf, **options)


def words(text: str) -> int:
    return len(text.split())


def out(replayed: Replayed) -> list[bytes]:
    return [entry.raw for entry in replayed.entries]


VALUES = st.sampled_from(
    [
        b'{"messages": [{"role": "user", "content": "a"}]}',
        b'{"messages":[{"role":"user","content":"a"}]}',
        b'{"messages": [{"role": "user", "content": "caf\\u00e9"}], "id": null}',
        b'{"id": 1, "messages": []}',
        b"[1, 2]",
        b"{broken",
        '{"messages": [{"role": "user", "content": "é\u2028\\ud800"}]}'.encode(),
    ]
)


@settings(max_examples=80)
@given(data=st.data(), rows=st.lists(VALUES, min_size=1, max_size=8))
def test_recorded_edits_replay_to_what_they_made(data: st.DataObject, rows: list[bytes]) -> None:
    """Any edits by hand, records alike among them: recorded, written as TOML, read and replayed, to the byte."""
    edited, steps = list(rows), []
    for _ in range(data.draw(st.integers(0, 12))):
        kind = data.draw(st.sampled_from(["patch", "drop", "insert", "move"]))
        if kind == "insert":
            at = data.draw(st.integers(0, len(edited)))
            new = data.draw(st.lists(VALUES, min_size=1, max_size=2))
            steps.append(step_for_insert(new, at))
            edited[at:at] = new
        elif not edited:
            continue
        elif kind == "patch":
            at = data.draw(st.integers(0, len(edited) - 1))
            after = data.draw(VALUES)
            steps.append(step_for_patch(edited[at], after, at))
            edited[at] = after
        else:
            places = sorted(data.draw(st.sets(st.integers(0, len(edited) - 1), min_size=1, max_size=3)))
            taken = [(edited[at], at) for at in places]
            left = [raw for at, raw in enumerate(edited) if at not in places]
            if kind == "drop":
                steps.append(step_for_drop(taken))
                edited = left
            else:
                position = data.draw(st.integers(0, len(edited)))
                to = sum(at < position for at in range(len(edited)) if at not in places)
                steps.append(step_for_move(taken, position))
                edited = [*left[:to], *(raw for raw, _ in taken), *left[to:]]
    recipe = parse_recipe(recipe_of(steps, name="by hand").dump())
    shelf = Shelf(100)
    entries = (Entry(number, number + 1, raw.__bytes__, shelf) for number, raw in enumerate(rows))
    replayed = replay(recipe.steps, entries, Format.CHAT, same=True, shelf=shelf)
    assert out(replayed) == edited
    assert replayed.differences == []
    assert len(replayed.dropped) == sum(len(step.get("records", ())) for step in steps if step["kind"] == "drop")


BULK = st.sampled_from(
    [
        {"kind": "clean", "fix": "whitespace"},
        {"kind": "clean", "fix": "html"},
        {"kind": "clean", "fix": "signatures", "roles": ["assistant"]},
        {"kind": "clean", "fix": "placeholders", "scope": "file"},
        {"kind": "replace", "find": "a", "with": "bb"},
        {"kind": "replace", "find": "(\\w)x", "with": "\\1", "regex": True, "roles": ["user"]},
        {"kind": "fix"},
        {"kind": "drop", "rules": ["J001"]},
        {"kind": "dedupe"},
        {"kind": "limit", "tokens": 12, "over": "trim-turns"},
        {"kind": "limit", "tokens": 9, "over": "drop"},
    ]
)
TEXTS = st.lists(
    st.sampled_from(["a", " x ", "<b>a</b>", "me@example.com", "Best regards,\nAnn", "\r\n", "é"]), max_size=5
)


@settings(max_examples=40)
@given(
    steps=st.lists(BULK, max_size=5),
    rows=st.lists(st.one_of(TEXTS.map(lambda texts: json.dumps(chat(*texts)).encode()), VALUES), max_size=6),
)
def test_a_replay_gives_the_same_bytes_every_time(steps: list[dict[str, Any]], rows: list[bytes]) -> None:
    """And the recipe written and read again gives them too; every record is there or among the dropped."""
    first = played(steps, rows)
    again = parse_recipe(recipe_of(steps).dump())
    assert out(played([step.recorded() for step in again.steps], rows)) == out(first)
    assert len(first.entries) + len(first.dropped) == len(rows)


def test_a_step_previewed_and_replayed_does_the_same() -> None:
    """What a person said yes to in the preview is what a recipe does; the step tells how much it was."""
    rows = raws(chat("<b>hi</b>", "ho"), chat("x", "y"), b"{broken")
    shown = preview({"kind": "clean", "fix": "html"}, [(7, rows[0], 1), (8, rows[1], 2), (9, rows[2], 3)], Format.CHAT)
    assert shown.changes == ((7, rows[0], raws(chat("hi", "ho"))[0]),)
    assert shown.dropped == () and shown.title == "clean html"
    assert shown.step == {"kind": "clean", "fix": "html", "seen": 3, "touched": 1, "dropped": 0}
    assert out(played([shown.step], rows)) == [shown.changes[0][2], *rows[1:]]
    gone = preview({"kind": "dedupe"}, [(1, rows[0], 1), (4, rows[0], 2)], Format.CHAT)
    assert gone.changes == () and gone.dropped == ((4, "the same as line 1"),)


def test_an_edit_that_is_texts_alone_is_recorded_as_such() -> None:
    """An auditor reads what was and what is; an edit of the structure is kept as the new record."""
    before, after = raws(chat("hi", "ho"), chat("hi", "hey"))
    step = step_for_patch(before, after, 3)
    assert step["edits"] == [
        {
            "record": digest_raw(before),
            "at": 3,
            "changes": [{"place": "messages[1].content", "was": "ho", "now": "hey"}],
        }
    ]
    longer = raws(chat("hi", "hey", "and"))[0]
    assert step_for_patch(before, longer)["edits"][0]["becomes"] == longer.decode()


def test_an_edit_finds_its_record_elsewhere_in_another_file() -> None:
    """By content, whatever its spacing; one that is not there any more is told, and nothing else is changed."""
    before, after = raws(chat("hi", "ho"), chat("hi", "hey"))
    steps = [step_for_patch(before, after, 0), step_for_drop([(raws(chat("gone", "x"))[0], 1)])]
    compact = json.dumps(chat("hi", "ho"), separators=(",", ":")).encode()
    other = raws(chat("new", "one"), compact, chat("new", "two"), before)
    replayed = played(steps, other)
    assert [json.loads(raw) for raw in out(replayed)] == [
        chat("new", "one"), chat("hi", "hey"), chat("new", "two"), chat("hi", "hey"),
    ]  # fmt: skip
    assert out(replayed)[1] == json.dumps(chat("hi", "hey"), separators=(",", ":")).encode()
    assert [difference.code for difference in replayed.differences] == ["record_repeated", "record_missing"]


def test_the_file_it_was_made_on_tells_equal_records_apart() -> None:
    """Of two equal records only the one that was edited changes there."""
    before, after = raws(chat("hi", "ho"), chat("hi", "hey"))
    steps = [step_for_patch(before, after, 1)]
    assert out(played(steps, [before, before], same=True)) == [before, after]
    assert out(played(steps, [before, before])) == [after, after]


def test_records_over_a_limit_are_dropped_trimmed_or_kept() -> None:
    """By choice; words are the tokens here: 3 a record, 3 a message, 1 for its role."""
    system = {"role": "system", "content": "s"}
    value = {"messages": [system, *chat("a b c d", "e f", "g h i j", "k")["messages"]]}
    last = {"messages": [system, *chat("g h i j", "k")["messages"]]}
    size = FormulaCounter("words", True, words).messages(value["messages"]).total
    assert size == 3 + 5 * 4 + 12

    def limited(tokens: int, over: str) -> Replayed:
        return played([{"kind": "limit", "tokens": tokens, "over": over}], raws(value))

    for over in ("drop", "trim-turns", "trim-start", "keep"):
        assert out(limited(size, over)) == raws(value)
    assert limited(size - 1, "drop").dropped[0].reason == f"limit: {size} tokens, over {size - 1}"
    assert out(limited(size - 1, "trim-turns")) == out(limited(size - 1, "trim-start")) == raws(last)
    assert out(limited(19, "trim-turns")) == raws(value)
    assert limited(19, "trim-turns").differences[0].code == "over_limit"
    assert json.loads(out(limited(19, "trim-start"))[0])["messages"][1]["content"] == "i j"
    assert out(limited(5, "trim-start")) == raws(value)
    kept = limited(19, "keep")
    assert out(kept) == raws(value) and kept.differences[0].text == "1 records are over 19 tokens and were kept"


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"find": "cat", "with": "dog"}, ["dog Cat", "dog"]),
        ({"find": "cat", "with": "dog", "ignore_case": True}, ["dog dog", "dog"]),
        ({"find": "cat", "with": "dog", "roles": ["assistant"]}, ["cat Cat", "dog"]),
        ({"find": "c(.)t", "with": r"t\1c", "regex": True}, ["tac Cat", "tac"]),
        ({"find": "c(.)t", "with": r"t\1c", "regex": True, "ignore_case": True}, ["tac tac", "tac"]),
        ({"find": "c.t", "with": "x"}, ["cat Cat", "cat"]),
        ({"find": "cat"}, [" Cat", ""]),
    ],
)
def test_find_and_replace(options: dict[str, Any], after: list[str]) -> None:
    """Each option changes what is replaced."""
    assert out(played([{"kind": "replace"} | options], raws(chat("cat Cat", "cat")))) == raws(chat(*after))


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ({"kind": "replace", "find": "(", "regex": True}, "is no regular expression"),
        ({"kind": "replace", "find": "a", "with": r"\1", "regex": True}, "names group 1"),
        ({"kind": "replace", "find": ""}, "find: string should have at least 1 character"),
        ({"kind": "clean", "fix": "htm"}, "is no fix that is known"),
        ({"kind": "limit", "tokens": 0}, "tokens: input should be greater"),
        ({"kind": "dance"}, "step 1: has the kind 'dance'"),
        ({"kind": "filter", "query": "x"}, "needs the filter language"),
        ({"kind": "import", "template": "x"}, "is not the first step"),
        ({"kind": "fix", "rules": ["nope"]}, "rule 'nope'"),
    ],
)
def test_a_step_that_cannot_be_applied_says_why(step: dict[str, Any], error: str) -> None:
    """In one sentence that names the step or what is wrong in it."""
    with pytest.raises(WorkbenchError) as caught:
        played([step], raws(chat("a", "b")))
    assert error in str(caught.value)


def test_only_some_records_can_be_meant() -> None:
    """By a filter, or by their content."""
    rows = raws(chat("a", "b"), chat("c a", "d"))
    step = {"kind": "replace", "find": "a", "with": "z"}
    some = played([step | {"only": [digest(chat("c a", "d"))]}], rows)
    assert out(some) == [rows[0], *raws(chat("c z", "d"))]
    services = Services(query=lambda text, fmt: lambda entry: text in str(entry.value))
    assert out(played([step | {"where": "c a"}], rows, services=services)) == out(some)


def test_filters_and_rules_drop_with_a_reason() -> None:
    """Every record that does not come through has its line and why."""
    services = Services(query=lambda text, fmt: lambda entry: text in str(entry.value))
    rows = raws(chat("a", "b"), b"{broken", chat("a", "b"), chat("c", "d"))
    kept = played([{"kind": "filter", "query": "'a'"}], rows, services=services)
    assert [(gone.line, gone.reason) for gone in kept.dropped] == [(4, "filter: does not match 'a'")]
    kept = played([{"kind": "filter", "query": "'a'", "keep": False}], rows, services=services)
    assert [gone.line for gone in kept.dropped] == [1, 3]
    dropped = played([{"kind": "drop", "rules": ["J001", "D001"]}], rows).dropped
    assert sorted((gone.line, gone.reason.split(":")[0]) for gone in dropped) == [
        (2, "J001 invalid_json"), (3, "D001 duplicate_record"),
    ]  # fmt: skip


def test_a_very_different_share_is_told() -> None:
    """Ten per cent that become none, or half, are worth a look; nine per cent are not."""

    def differences(hits: int, seen: int = 1000, touched: int = 100) -> list[str]:
        rows = raws(*(chat("x" if number < hits else "y", str(number)) for number in range(200)))
        step = {"kind": "replace", "find": "x", "with": "z", "seen": seen, "touched": touched, "dropped": 0}
        return [difference.text for difference in played([step], rows).differences]

    assert differences(20) == differences(18) == differences(30) == []
    assert differences(0) == ["replace 'x' with 'z': changed 0 of 200 records (0.0%); it was 10.0%"]
    assert differences(100) == ["replace 'x' with 'z': changed 100 of 200 records (50.0%); it was 10.0%"]
    assert differences(0, touched=1) == []


def test_a_misspelt_key_survives_and_is_told() -> None:
    """Nothing of a recipe is lost when it is written again, and a key that does nothing is no secret."""
    text = '[[steps]]\nkind = "clean"\nfix = "html"\nrolse = ["user"]\n'
    recipe = parse_recipe('owner = "Ann"\n' + text)
    assert isinstance(recipe, Recipe) and 'owner = "Ann"' in recipe.dump() and "rolse" in recipe.dump()
    replayed = played([recipe.steps[0].recorded()], raws(chat("a", "b")))
    assert [difference.text for difference in replayed.differences] == ["the key 'rolse' is read by nothing"]


def test_a_rewrite_asks_nobody_and_says_what_is_new() -> None:
    """What the model answered is in the recipe, by content."""
    step = {
        "kind": "rewrite", "prompt": "shorter", "profile": "local", "model": "starter",
        "rewritten": [{"record": digest(chat("a", "long answer")), "texts": {"messages[1].content": "short"}}],
    }  # fmt: skip
    replayed = played([step], raws(chat("a", "long answer"), chat("b", "another"), {"messages": []}))
    assert out(replayed)[:2] == raws(chat("a", "short"), chat("b", "another"))
    assert [difference.text for difference in replayed.differences] == [
        "1 records are new and were not rewritten by starter"
    ]


def test_many_steps_are_no_danger() -> None:
    """A long evening of find and replace is a thousand steps."""
    steps = [{"kind": "replace", "find": f"<{number}>", "with": f"<{number + 1}>"} for number in range(1200)]
    assert out(played(steps, raws(chat("<0>", "x")))) == raws(chat("<1200>", "x"))


def test_every_kind_of_step_is_named_once() -> None:
    """The kind in a recipe finds its class; a step writes the kind it was read from."""
    assert {kind: step.KIND for kind, step in STEPS.items()} == {kind: kind for kind in STEPS}
    assert parse_step({"kind": "dedupe"}).recorded() == {"kind": "dedupe"}


def test_records_picked_by_hand_are_kept_as_those() -> None:
    """Of two equal records one is chosen: on that file the other stays, elsewhere all with that content are meant."""
    rows = raws(chat("a", "x"), chat("a", "x"), chat("b", "x"), chat("c", "a"))
    step = {"kind": "replace", "find": "a", "with": "z"}
    shown = preview(step, [(7, rows[1], 2), (8, rows[2], 3)], Format.CHAT, chosen={7: 1, 8: 2}.get)
    assert shown.step["only"] == [f"{digest_raw(rows[1])}@1"] and shown.step["seen"] == 1
    same = played([shown.step], rows, same=True)
    assert out(same) == [rows[0], raws(chat("z", "x"))[0], *rows[2:]] and same.differences == []
    assert out(played([shown.step], rows)) == [*raws(chat("z", "x"), chat("z", "x")), *rows[2:]]
    for kind in ({"kind": "dedupe"}, {"kind": "drop", "rules": ["D001"]}):
        three = [rows[0], rows[0], rows[0]]
        gone = preview(kind, [(1, three[1], 2), (2, three[2], 3)], Format.CHAT, chosen=lambda key: key)
        assert [key for key, _ in gone.dropped] == [2]
        assert (
            len(played([{**kind, "only": [f"{digest_raw(rows[0])}@{at}" for at in (1, 2)]}], three, same=True).entries)
            == 2
        )


def test_order_by_a_number_or_by_chance() -> None:
    """Stable, broken ones last; a shuffle is by content and seed, whatever the order before."""
    rows = raws(chat("a b c", "x"), b"{broken", chat("a", "x"), chat("a", "x", "b", "y"), chat("a", "y"))

    def order(**options: Any) -> list[int]:
        step = {"kind": "order"} | options
        replayed = played([step], rows)
        keys = [entry.key for entry in replayed.entries if entry.key is not None]
        services = Services(counter=lambda model: FormulaCounter("words", True, words))
        assert order_of(step, ((n, raw, None) for n, raw in enumerate(rows)), Format.CHAT, services) == keys
        return keys

    assert order(by="tokens") == [2, 4, 0, 3, 1]
    assert order(by="tokens", descending=True) == [3, 0, 2, 4, 1]
    assert order(by="turns") == [0, 2, 4, 3, 1]
    assert order(by="size")[0] == 1
    shuffled = order(by="shuffle", seed=1)
    assert sorted(shuffled) == [0, 1, 2, 3, 4] and order(by="shuffle", seed=2) != shuffled
    turned = played([{"kind": "order", "by": "shuffle", "seed": 1}], rows[::-1])
    assert out(turned) == [rows[key] for key in shuffled]


def test_a_fix_that_no_record_can_have_is_told() -> None:
    """Blank lines are the file's; a rule with a fix says nothing."""
    rows = raws({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": True}]})
    assert [one.code for one in played([{"kind": "fix", "rules": ["J002"]}], rows).differences] == ["nothing_to_fix"]
    fixed = played([{"kind": "fix", "rules": ["weight_value"]}], rows)
    assert fixed.differences == [] and json.loads(out(fixed)[0])["messages"][1]["weight"] == 1
    assert out(played([{"kind": "fix", "rules": ["null_value"]}], rows)) == rows


@pytest.mark.parametrize("step", [{"kind": "limit", "tokens": 9}, {"kind": "order", "by": "tokens"}])
def test_the_model_says_whose_tokens_are_counted(step: dict[str, Any]) -> None:
    """The cookbook's where none is named."""
    asked: list[str] = []

    def counter(model: str) -> FormulaCounter:
        asked.append(model)
        return FormulaCounter("words", True, words)

    for model in ("", "gpt-4.1"):
        played([step | {"model": model}], raws(chat("a", "b")), services=Services(counter=counter))
    assert asked == ["", "gpt-4.1"]
