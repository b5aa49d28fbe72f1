"""Rules that look at more than one record, at other files, at limits, or through a model's own template."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.limits import limits_for
from workbench.dataset.chat_templates import CHATML, NONE
from workbench.dataset.formats import Format, parse_chat
from workbench.dataset.rows import open_rows
from workbench.dataset.rules import Context, Report, all_rules, check, find_rule, findings, fix, selected
from workbench.dataset.rules.facts import Facts, Row, Tally
from workbench.dataset.rules.limits import tokens_matter
from workbench.dataset.tokens import FormulaCounter, TemplateCounter

WORDS = FormulaCounter("words", True, lambda text: len(text.split()))


def chat(question: str, answer: str, **rest: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **rest}


def written(path: Path, records: Sequence[object]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def checked(path: Path, records: Sequence[object], **options: Any) -> Report:
    with open_rows(written(path / "data.jsonl", records)) as rows:
        return check(rows, **options)


def names(report: Report) -> list[tuple[str, int | None]]:
    return [(finding.name, finding.line) for finding in report.findings]


def labelled(**counts: int) -> list[dict[str, Any]]:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [chat(f"ticket {number}", label) for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (labelled(refund=90, pay=8), "'refund' is the answer 90 times, 'pay' only 8 times, of 2 labels in 98 records"),
        (labelled(yes=30), "all 30 answers are 'yes'"),
        ([{"prompt": f"q {n}", "completion": "no" if n % 20 else "yes"} for n in range(100)], "'no' is the answer 95"),
        (labelled(refund=60, pay=20, ship=18), None),
        (labelled(yes=15), None),
        ([chat(f"q {n}", f"answer number {n}") for n in range(100)], None),
        (labelled(yes=30) + [chat(f"why {n}?", "because " * 20 + str(n)) for n in range(30)], None),
        ([chat(f"q {n}", f"short {n % 40}") for n in range(100)], None),
    ],
    ids=["rare", "one", "completions", "fair", "few", "prose", "mixed", "many"],
)
def test_rare_labels_are_told(tmp_path: Path, records: list[dict[str, Any]], told: str | None) -> None:
    """Where answers are labels: short, and each there several times."""
    found = checked(tmp_path, records, select=["label_imbalance"]).findings
    assert [finding.line for finding in found] == ([] if told is None else [None])
    if told is not None:
        assert told in found[0].text


def test_too_many_records_with_images_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the provider's; the count is of records that have any, not of images or of the word."""
    context = Context(Format.CHAT, limits_for("openai"))
    rule = find_rule("too_many_image_records")
    assert rule.check_file is not None
    assert list(rule.check_file(Facts(images=50_000), context)) == []
    assert "50,001 records have images" in next(p.text for p in rule.check_file(Facts(images=50_001), context))
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    record = {"messages": [{"role": "user", "content": [picture, picture]}, {"role": "assistant", "content": "a cat"}]}
    tally = Tally()
    word = {**chat("which key has the picture?", '"image_url"'), "metadata": {"image_url": "none"}}
    for value in (record, chat("hi", "hello"), word):
        tally.count(Row(0, 1, json.dumps(value).encode(), value, parse_chat(value)))
    assert tally.images == 1


def test_tokens_times_epochs_are_held_against_the_quota(tmp_path: Path) -> None:
    """Counted only where a file is large enough for it, and only for a provider that says so."""
    records = [chat(f"question {number}", "w " * 50) for number in range(100)]
    rules = selected(["L006"])
    with open_rows(written(tmp_path / "data.jsonl", records)) as rows:
        small = replace(limits_for("azure"), tokens_times_epochs=17_000)
        context = Context(Format.CHAT, small, counter=WORDS)
        [finding] = findings(rows, context, rules)
        assert finding.line is None
        assert (
            finding.text == "6,300 tokens × 3 epochs; the provider trains 17,000 a job"
        )  # 52 words and the formula's 11 each
        assert list(findings(rows, replace(context, limits=replace(small, tokens_times_epochs=18_900)), rules)) == []
        assert list(findings(rows, replace(context, counter=None), rules)) == []
    azure = Context(Format.CHAT, limits_for("azure"), counter=WORDS)
    assert tokens_matter(Facts(size=81 * 10**6), azure) and not tokens_matter(Facts(size=79 * 10**6), azure)
    assert not tokens_matter(Facts(size=10**9), replace(azure, limits=limits_for("openai")))


def test_an_answer_that_the_cut_goes_through_is_told(tmp_path: Path) -> None:
    """The cut is told as such, and what it does to the answers; what is whole before it stays unharmed."""
    long = "w " * 70_000
    records = [
        chat("fits", "well"),
        chat("tell me all", long + "end"),
        chat(long, "too late"),
        {"messages": [*chat("hi", "hello")["messages"], {"role": "user", "content": long}]},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": long + "x", "weight": 0},
                      {"role": "user", "content": "y"}, {"role": "assistant", "content": "z"}]},
    ]  # fmt: skip
    report = checked(tmp_path, records, model="gpt-4o", counter=WORDS, select=["L"])
    assert [(finding.name, finding.line, finding.message_index) for finding in report.findings] == [
        ("example_too_long", 2, None), ("answer_truncated", 2, 1),
        ("example_too_long", 3, None), ("answer_cut_off", 3, 1),
        ("example_too_long", 4, None),
        ("example_too_long", 5, None),
    ]  # fmt: skip


def test_of_a_pair_each_answer_must_fit(tmp_path: Path) -> None:
    """The other answer may be the longer one; a pair's messages have no number."""
    other = "w " * 70_000 + "x"
    pair = {"prompt": "hi", "chosen": "hello", "rejected": other}
    report = checked(tmp_path, [{**pair, "rejected": "no"}, pair], model="gpt-4o", counter=WORDS, select=["L"])
    assert [(finding.name, finding.line, finding.message_index) for finding in report.findings] == [
        ("example_too_long", 2, None), ("answer_truncated", 2, None),
    ]  # fmt: skip


def test_an_answer_that_comes_first_is_no_error_of_the_counter(tmp_path: Path) -> None:
    """Templates fail on no messages at all."""
    record = {"messages": [{"role": "assistant", "content": "x" * 9000}, *chat("hi", "hello")["messages"]]}
    report = checked(tmp_path, [record], model="starter", counter=seen_by(CHATML), select=["L"])
    assert [finding.name for finding in report.findings] == ["example_too_long", "answer_truncated"]


QUESTION = "where is the parcel that was promised for tuesday and that the courier left in the rain at number forty"


def test_what_another_file_has_too_is_an_error(tmp_path: Path) -> None:
    """Whole, by its question, or nearly; only with files to compare with."""
    records = [chat("hello there", "hi"), chat(QUESTION, "in the shed"), chat(QUESTION + " two", "in the shed")]
    test = written(tmp_path / "test.jsonl", [chat(QUESTION, "who knows"), chat("hello there", "hi")])
    assert names(checked(tmp_path, records)) == []
    report = checked(tmp_path, records, against=[test])
    assert names(report) == [("leaked_record", 1), ("leaked_record", 2), ("leaked_record", 3)] and report.errors == 3
    texts = [finding.text for finding in report.findings]
    assert texts == [
        f"the same record as line 2 of {test}", f"asks the same as line 1 of {test}",
        f"asks nearly the same as line 1 of {test}",
    ]  # fmt: skip
    assert names(checked(tmp_path, records, against=[test], ignore=["D"])) == []


def test_near_copies_are_told_when_they_are_looked_for(tmp_path: Path) -> None:
    """With the line of the first one and how alike they are."""
    records = [chat(QUESTION, "in the shed"), chat("hello there", "hi"), chat("and " + QUESTION, "in the shed")]
    assert names(checked(tmp_path, records)) == []
    [finding] = checked(tmp_path, records, near=True).findings
    assert (finding.name, finding.line) == ("near_duplicate", 3) and "like line 1" in finding.text


class Letters:
    """A tokenizer of single characters, as `tokenizers` has it."""

    def no_truncation(self) -> None: ...

    def no_padding(self) -> None: ...

    def encode(self, text: str, add_special_tokens: bool) -> Any:
        encoding = type("Encoding", (), {})()
        encoding.ids, encoding.offsets = list(range(len(text))), [(at, at + 1) for at in range(len(text))]
        return encoding


def seen_by(template: str) -> TemplateCounter:
    return TemplateCounter("letters", Letters(), template, None, "</s>")


STRICT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system prompt here') }}{% endif %}"
    "{{ '<' ~ m.role ~ '>' ~ m.content ~ '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "record", "found"),
    [
        (CHATML, chat("hi", "hello"), []),
        (STRICT, chat("hi", "hello"), []),
        (
            STRICT,
            {"messages": [{"role": "system", "content": "s"}, *chat("hi", "x")["messages"]]},
            ["template_refuses"],
        ),
        (NONE, chat("hi", "hello"), ["end_of_turn_missing"]),
        (CHATML, {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, []),
        (NONE, {"instruction": "a", "output": "b"}, ["end_of_turn_missing"]),
    ],
)
def test_a_record_is_looked_at_through_the_models_template(
    tmp_path: Path, template: str, record: dict[str, Any], found: list[str]
) -> None:
    """The template refuses it, or does not end its turns; chatml is content."""
    report = checked(tmp_path, [record], model="starter", counter=seen_by(template), ignore=["missing_system"])
    assert [finding.name for finding in report.findings] == found
    assert [finding.name for finding in checked(tmp_path, [record], model="gpt-4o", counter=WORDS).findings] == []


def test_an_answer_that_the_template_leaves_out_is_told(tmp_path: Path) -> None:
    """Nothing of it is trained."""
    template = "{% for m in messages %}{{ '<' ~ m.role ~ '>' }}{% endfor %}"
    report = checked(tmp_path, [chat("hi", "hello"), chat("hi", "-")], model="starter", counter=seen_by(template))
    assert names(report) == [("nothing_learnt", 1), ("nothing_learnt", 2)]


def test_old_words_for_tools_are_fixed(tmp_path: Path) -> None:
    """What the rule says is fixable is gone after the fix, and the record is one the other rules take."""
    call = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}}
    result = {"role": "function", "name": "look", "content": "22"}
    record = {
        "messages": [
            {"role": "user", "content": "warm?"},
            call,
            result,
            {"role": "assistant", "content": "22 degrees"},
        ],
        "functions": [{"name": "look", "parameters": {"type": "object", "properties": {}}}],
    }
    path, out = written(tmp_path / "data.jsonl", [record]), tmp_path / "out.jsonl"
    with open_rows(path) as rows:
        before = check(rows).findings
        assert [(f.name, f.message_index, f.fixable) for f in before] == [
            ("functions_deprecated", None, True), ("functions_deprecated", 1, True), ("functions_deprecated", 2, True),
        ]  # fmt: skip
        assert fix(rows, out).places == {"functions_deprecated": 3}
    with open_rows(out) as rows:
        assert check(rows).findings == []


def test_a_secret_is_never_quoted_whole(tmp_path: Path) -> None:
    """Findings go to terminals, logs and reports."""
    key = "ghp_" + "aB3" * 12
    [finding] = checked(tmp_path, [chat("my token?", f"use {key}")]).findings
    assert finding.name == "secret" and key not in finding.text and finding.text.startswith("github-token ghp_…")


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant"]),
            "content": st.sampled_from(["a", "b", "yes", "x" * 99]),
        }
    ),
    max_size=3,
)
RECORDS = st.lists(
    st.builds(
        lambda messages, rest: {"messages": messages, **rest}, MESSAGES, st.sampled_from([{}, {"ref": 1}, {"k": 2}])
    )
    | st.just({"prompt": "p", "completion": "yes"})
    | st.just({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}),
    max_size=12,
)


def row_of(number: int, value: Any) -> Row:
    record = parse_chat(value) if "messages" in value else None
    return Row(number, number + 1, json.dumps(value).encode(), value, record)


@given(RECORDS, st.integers(0, 12))
def test_facts_of_two_parts_are_those_of_the_whole(records: list[dict[str, Any]], cut: int) -> None:
    """What workers count apart is what one would count."""
    whole, first, second = Tally(), Tally(), Tally()
    for number, value in enumerate(records):
        whole.count(row_of(number, value))
    for number, value in enumerate(records[:cut]):
        first.count(row_of(number, value))
    for number, value in enumerate(records[cut:]):
        second.count(row_of(number, value))
    first.merge(second, len(records[:cut]))
    assert first == whole


def test_so_many_short_answers_are_no_labels() -> None:
    """They are not kept, in whatever parts they are counted."""
    parts = [Tally(), Tally()]
    for part, tally in enumerate(parts):
        for number in range(600):
            tally.count_answer(f"answer {part} {number}")
    assert not parts[0].many_labels
    parts[0].merge(parts[1], 600)
    assert parts[0].many_labels and not parts[0].labels and parts[0].answers == 1200


def test_every_page_says_what_why_and_what_to_do() -> None:
    """A title of one line that ends, and no rule twice; every page has more than its title."""
    titles = Counter(rule.title for rule in all_rules())
    assert max(titles.values()) == 1
    for rule in all_rules():
        assert rule.page[0].isupper() or rule.page[0] == "`"
        assert len(rule.title) <= 120 and rule.title.endswith(".")
    assert sum("\n" in rule.page for rule in all_rules()) == len(all_rules())


ODD_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(
                ["user", "human", "GPT", " Model ", "assistant", "function", "tool", "narrator", None, 3]
            )
        },
        optional={
            "content": st.sampled_from(["a", "", None, ["x"], 3]),
            "name": st.sampled_from(["look", None]),
            "weight": st.sampled_from([True, 1.0, "0", 2, None]),
            "function_call": st.sampled_from([None, {"name": "look", "arguments": "{}"}, {"arguments": "{}"}, "x"]),
            "tool_calls": st.sampled_from(
                [None, [], "x", [{"id": "c", "type": "function", "function": {"name": "look", "arguments": {"a": 1}}}]]
            ),
            "tool_call_id": st.sampled_from(["c", None]),
        },
    ),
    min_size=1,
    max_size=4,
)
ODD_RECORDS = st.fixed_dictionaries(
    {"messages": ODD_MESSAGES},
    optional={
        "tools": st.sampled_from([None, [], "x", [{"name": "look"}]]),
        "functions": st.sampled_from([[{"name": "f"}], "x"]),
    },
)


@given(st.lists(ODD_RECORDS, min_size=1, max_size=4))
def test_a_fix_leaves_nothing_that_it_said_it_could_fix(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    """However many mistakes a record has; and fixing again changes nothing."""
    folder = tmp_path_factory.mktemp("fix")
    path, out, again = written(folder / "data.jsonl", records), folder / "out.jsonl", folder / "again.jsonl"
    with open_rows(path) as rows:
        promised = Counter(finding.name for finding in check(rows, profile="openai").findings if finding.fixable)
        places = fix(rows, out, profile="openai").places
        assert all(places.get(name, 0) > 0 for name in promised)
    with open_rows(out) as rows:
        left = [finding for finding in check(rows, profile="openai").findings if finding.fixable]
        assert left == []
        assert fix(rows, again, profile="openai").changed == 0
    assert again.read_bytes() == out.read_bytes()


@given(st.lists(ODD_RECORDS | RECORDS.filter(bool).map(lambda found: found[0]), min_size=1, max_size=4))
def test_no_record_breaks_the_rules_that_render_it(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    """A template that fails is a finding, not a crash."""
    folder = tmp_path_factory.mktemp("render")
    for fmt in (Format.CHAT, Format.SHAREGPT, Format.PREFERENCE):
        with open_rows(written(folder / "data.jsonl", records)) as rows:
            for template in (CHATML, STRICT):
                report = check(rows, model="starter", counter=seen_by(template), format=fmt, profile="local")
                assert report.records == len(records)
