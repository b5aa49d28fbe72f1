"""Scorers, and the readers that they stand on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluate.reading import flatten, read_json, read_list
from workbench.evaluate.scorers import SCORERS, ScorerError, bind_scorer, longest_common_subsequence
from workbench.evaluate.text import normalise, words

USABLE = [name for name in SCORERS if name != "judge"]
ARGUMENTS = {"regex": {"pattern": "{reference}"}}
REFERENCES = {"json": '{"a": 1}', "json-fields": '{"a": 1, "b": [2, "x"]}', "set-f1": '["salt", "egg"]'}


def value(name: str, output: str, reference: str, **arguments: str) -> float:
    return bind_scorer(name, arguments, [reference])(output, reference).value


def test_the_registry_holds_what_the_command_line_promises() -> None:
    assert list(SCORERS) == [
        "exact", "normalized", "contains", "regex", "json", "json-fields", "set-f1", "token-f1", "rouge-l",
        "classification", "judge",
    ]  # fmt: skip
    assert all(one.summary.endswith(".") and one.formula for one in SCORERS.values())


@pytest.mark.parametrize("name", USABLE)
@given(output=st.text(max_size=80))
def test_any_output_has_a_score_from_0_to_1(name: str, output: str) -> None:
    reference = REFERENCES.get(name, "Blue whale")
    scored = bind_scorer(name, ARGUMENTS.get(name, {}), [reference])(output, reference)
    assert 0 <= scored.value <= 1
    assert not SCORERS[name].binary or scored.value in (0, 1)


@pytest.mark.parametrize("name", USABLE)
def test_the_reference_itself_is_right(name: str) -> None:
    reference = REFERENCES.get(name, "Blue whale")
    assert value(name, reference, reference, **ARGUMENTS.get(name, {})) == 1


@pytest.mark.parametrize(
    ("name", "output", "reference", "expected"),
    [
        ("exact", " Blue \n", "Blue", 1),
        ("exact", "blue", "Blue", 0),
        ("normalized", "**Blue!**", "blue", 1),
        ("normalized", "STRASSE", "straße", 1),
        ("contains", "It is not blue, is it", "Blue", 1),
        ("contains", "bluebell", "blue", 0),
        ("json", '```json\n{"b": 1.0, "a": [true]}\n```', '{"a": [true], "b": 1}', 1),
        ("json", '{"a": 1}', '{"a": true}', 0),
        ("json", "NaN", "1", 0),
        ("json-fields", '{"a": 1, "b": [2, "y"]}', '{"a": 1, "b": [2, "x"]}', 2 / 3),
        ("json-fields", '{"a": 1, "c": 5}', '{"a": 1, "b": 2}', 1 / 3),
        ("json-fields", "[1]", '{"a": 1}', 0),
        ("set-f1", '["Salt", " egg "]', '["salt", "egg", "milk"]', 0.8),
        ("set-f1", "- salt\n- egg", '["salt", "egg"]', 1),
        ("set-f1", "salt, egg, salt", '["salt", "egg"]', 1),
        ("set-f1", "[]", '["salt"]', 0),
        ("set-f1", "[]", "[]", 1),
        ("token-f1", "the the cat", "the cat", 0.8),
        ("token-f1", "", "cat", 0),
        # Lin 2004, section 3: "police kill the gunman" against "police killed the gunman" has L = 3 of 4 words.
        ("rouge-l", "police kill the gunman", "police killed the gunman", 0.75),
        ("rouge-l", "the gunman kill police", "police killed the gunman", 0.5),
    ],
)
def test_scores_are_those_of_the_formula(name: str, output: str, reference: str, expected: float) -> None:
    assert value(name, output, reference) == pytest.approx(expected)


def test_a_reply_that_is_no_list_says_so() -> None:
    score = bind_scorer("set-f1", {}, ['["salt"]'])
    scored = score("Sure! You will need some salt and a little patience with it.", '["salt"]')
    assert (scored.value, scored.note) == (0.0, "no list")


def test_labels_are_read_from_what_surrounds_them() -> None:
    labels = ["spam", "not spam", "feature-request"]
    score = bind_scorer("classification", {}, labels)
    assert score("The label is: **Spam**.", "spam").value == 1
    assert score("Not spam", "spam").value == 0, "the longer label is the one that is named"
    assert score("Feature request", "feature-request").value == 1
    several = score("spam or not spam", "spam")
    assert (several.value, several.note) == (0, "names several labels")
    assert score("no idea", "spam").note == "names no label"


def test_a_pattern_takes_the_answer_out_of_the_output() -> None:
    assert value("regex", "I think... answer: Blue!", "blue", pattern=r"answer: (\w+)") == 1
    assert value("regex", "answer: red", "blue", pattern=r"answer: (\w+)") == 0
    assert value("regex", "cost: 3.50 EUR", "3.50", pattern=r"cost: {reference}\b") == 1
    assert value("regex", "cost: 3x50 EUR", "3.50", pattern=r"cost: {reference}\b") == 0, "a reference is no pattern"


@pytest.mark.parametrize(
    ("name", "arguments", "references", "why"),
    [
        ("bleu", {}, ["x"], "no such scorer"),
        ("exact", {"ignore": "case"}, ["x"], "no argument 'ignore'"),
        ("regex", {}, ["x"], "needs a pattern"),
        ("regex", {"pattern": "(("}, ["x"], "no regular expression"),
        ("regex", {"pattern": "yes"}, ["x"], "never looks at the reference"),
        ("json", {}, ["{}", "{"], "item 1 is no JSON"),
        ("json-fields", {}, ["[1]"], "no JSON object"),
        ("contains", {}, ["!?"], "no words"),
        ("classification", {"labels": "yes,no"}, ["maybe"], "none of the labels"),
        ("judge", {}, ["x"], "needs a model"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_it_costs(
    name: str, arguments: dict[str, str], references: list[str], why: str
) -> None:
    with pytest.raises(ScorerError, match=why):
        bind_scorer(name, arguments, references)


plain_items = st.text(st.characters(whitelist_categories=("Ll",)), min_size=1, max_size=8)


@given(st.lists(plain_items, min_size=2, max_size=8), st.sampled_from(["json", "python", "lines", "numbers", "commas"]))
def test_a_list_is_read_however_it_is_written(found: list[str], form: str) -> None:
    written = {
        "json": json.dumps(found),
        "python": f"Here you are: {found!r}",
        "lines": "Ingredients:\n" + "\n".join(f"* {one}" for one in found),
        "numbers": "\n".join(f"{at}. {one}" for at, one in enumerate(found, 1)),
        "commas": ", ".join(found),
    }[form]
    assert read_list(written) == [one.lower() for one in found]


@given(st.text(max_size=200))
def test_reading_a_list_never_fails(text: str) -> None:
    found = read_list(text)
    assert found is None or all(one == one.strip() and one for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["salt", "egg", "mi', ["salt", "egg", "mi"]),
        ("```\n['Salt', 'Egg']\n```", ["salt", "egg"]),
        ('["salt", "egg"]\nEnjoy!', ["salt", "egg"]),
        ("[1, 2.5]", ["1", "2.5"]),
        ('{"a": 1}', None),
        ("[[1]]", None),
        ("[true]", None),
        ("", None),
        ("I would say that this needs flour, sugar and quite a lot of butter", None),
    ],
)
def test_lists_as_models_write_them(text: str, expected: list[str] | None) -> None:
    assert read_list(text) == expected


leaves = st.none() | st.booleans() | st.integers() | st.text()
trees = st.recursive(leaves, lambda leaf: st.lists(leaf) | st.dictionaries(st.text(), leaf), max_leaves=12)


@given(trees)
def test_json_that_was_written_is_read_the_same(tree: object) -> None:
    parsed = (
        read_json(f"```json\n{json.dumps(tree)}\n```") if "```" not in json.dumps(tree) else read_json(json.dumps(tree))
    )
    assert parsed is not None
    assert flatten(parsed.value) == flatten(tree)


def test_deep_json_is_no_traceback() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert value("json", deep, "[1]") == 0
    assert value("set-f1", deep, '["salt"]') == 0
    assert flatten(json.loads("[" * 500 + "]" * 500))


@given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(st.sampled_from("abc"), max_size=20))
def test_the_bit_parallel_subsequence_is_the_tables(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert longest_common_subsequence(a, b) == table[-1][-1]


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert words("東京 tower, TOKYO") == ["東", "京", "tower", "tokyo"]
