"""The linter: every rule finds its own mistake, at its place, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.limits import limits_for
from workbench.dataset.formats import Format
from workbench.dataset.rows import open_rows
from workbench.dataset.rules import Context, Report, Severity, all_rules, check, find_rule, selected
from workbench.dataset.rules.facts import Facts
from workbench.dataset.tokens import FormulaCounter
from workbench.errors import WorkbenchError

TOY = Path(__file__).parents[1] / "data" / "toy_chat_fine_tuning.jsonl"

SYSTEM = {"role": "system", "content": "You help."}
USER = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": ""}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
WORDS = FormulaCounter("words", True, lambda text: len(text.split()))


def chat(*messages: object, **rest: object) -> dict[str, Any]:
    return {"messages": [SYSTEM, *messages], **rest}


@dataclass(frozen=True)
class Plant:
    """A mistake: a row that has it, and what must be found."""

    name: str
    row: object
    """A record, or the raw bytes of a line."""
    message: int | None = None
    profile: str | None = None
    fixable: bool = False
    model: str | None = None


def calling(**changes: object) -> dict[str, Any]:
    return {**CALLING, "tool_calls": [{**CALL, **changes}]}


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

HTTPS = "https://example.org/a.png"
WORDY = {"type": "text", "text": "You help."}


def pictured(url: object, **rest: object) -> dict[str, Any]:
    """A question with one image."""
    image = {"type": "image_url", "image_url": {**({} if url is None else {"url": url}), **rest}}
    return chat({"role": "user", "content": [{"type": "text", "text": "what is it?"}, image]}, ANSWER)


def tool(parameters: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "parameters": parameters}}


PLACE = tool(
    {
        "type": "object",
        "properties": {"place": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["place"],
    }
)

CHAT_PLANTS = [
    Plant("invalid_json", b'{"messages": [}'),
    Plant("invalid_json", b'{"messages": [{"role": "user", "content": "caf\xe9"}]}'),
    Plant("not_a_number", chat(USER, ANSWER, score=float("nan"))),
    Plant("lone_surrogate", chat(USER, {"role": "assistant", "content": "cut \ud83d"})),
    Plant(
        "duplicate_key",
        b'{"messages": [{"role": "system", "content": "You help."}, {"role": "user", "content": "say \\": "},'
        b' {"role": "user", "role": "assistant", "content": "hello"}]}',
    ),
    Plant("data_type", [SYSTEM, USER, ANSWER]),
    Plant("data_type", "text"),
    Plant("data_type", None),
    Plant("missing_messages_list", {}),
    Plant("missing_messages_list", {"messages": []}),
    Plant("missing_messages_list", {"messages": "hi"}),
    Plant("missing_messages_list", {"message": [USER, ANSWER]}),
    Plant("missing_messages_list", {"prompt": "a", "completion": "b"}),
    Plant("example_missing_assistant_message", chat(USER)),
    Plant("message_missing_key", chat(USER, {"role": "assistant"}), 2),
    Plant("message_missing_key", chat({"content": "hi"}, USER, ANSWER), 1),
    Plant("message_missing_key", chat(USER, "hello", ANSWER), 2),
    Plant("message_unrecognized_key", chat(USER, {**ANSWER, "contents": "x"}), 2),
    Plant("unrecognized_role", chat({"role": "human", "content": "x"}, USER, ANSWER), 1, fixable=True),
    Plant("unrecognized_role", chat({"role": " User", "content": "x"}, USER, ANSWER), 1, fixable=True),
    Plant("unrecognized_role", chat({"role": "narrator", "content": "x"}, USER, ANSWER), 1),
    Plant("unrecognized_role", chat({"role": 7, "content": "x"}, USER, ANSWER), 1),
    Plant("missing_content", chat(USER, {"role": "assistant", "content": ""}), 2),
    Plant("missing_content", chat(USER, {"role": "assistant", "content": None}), 2),
    Plant("missing_content", chat({"role": "user", "content": 3}, ANSWER), 1),
    Plant("content_part", chat({"role": "user", "content": ["hi"]}, ANSWER), 1),
    Plant("content_part", chat({"role": "user", "content": [{"type": "txt", "text": "hi"}]}, ANSWER), 1),
    Plant("content_part", chat({"role": "user", "content": [{"type": "image_url"}]}, ANSWER), 1),
    Plant("name_characters", chat({**USER, "name": "Jean Luc"}, ANSWER), 1, profile="openai"),
    Plant("name_characters", chat({**USER, "name": "x" * 65}, ANSWER), 1, profile="azure"),
    Plant("null_value", chat(USER, {**ANSWER, "weight": None}), 2, fixable=True),
    Plant("null_value", chat(USER, {**ANSWER, "tool_calls": []}), 2, fixable=True),
    Plant("null_value", chat(USER, ANSWER, tools=None), None, fixable=True),
    Plant("missing_user", chat(ANSWER)),
    Plant("system_not_first", chat(USER, {"role": "system", "content": "You help."}, ANSWER), 2),
    Plant("same_role_twice", chat(USER, USER, ANSWER), 2),
    Plant("same_role_twice", chat(USER, ANSWER, ANSWER), 3),
    Plant("ends_without_answer", chat(USER, ANSWER, USER), 3),
    Plant("weight_value", chat(USER, {**ANSWER, "weight": 2}), 2),
    Plant("weight_value", chat(USER, {**ANSWER, "weight": 0.5}), 2),
    Plant("weight_value", chat(USER, {**ANSWER, "weight": True}), 2, fixable=True),
    Plant("weight_value", chat(USER, {**ANSWER, "weight": "1"}), 2, fixable=True),
    Plant("weight_not_assistant", chat({**USER, "weight": 0}, ANSWER), 1),
    Plant("nothing_trained", chat(USER, {**ANSWER, "weight": 0})),
    Plant("empty_answer", chat(USER, {"role": "assistant", "content": " \n"}), 2),
    Plant("answer_white_space", chat(USER, {"role": "assistant", "content": "hello "}), 2),
    Plant("image_in_answer", chat(USER, {"role": "assistant", "content": [IMAGE]}), 2, profile="openai"),
    Plant("tool_call_malformed", chat(USER, {**CALLING, "tool_calls": ["look"]}), 2),
    Plant("tool_call_malformed", chat(USER, calling(function=None)), 2),
    Plant("tool_call_malformed", chat(USER, calling(function={"arguments": "{}"})), 2),
    Plant("tool_call_malformed", chat(USER, {**CALLING, "tool_calls": CALL}), 2),
    Plant("too_many_images", chat({"role": "user", "content": [IMAGE] * 65}, ANSWER), profile="azure"),
    Plant(
        "arguments_not_text",
        chat(USER, calling(function={"name": "look", "arguments": {"a": 1}}), RESULT, ANSWER),
        2,
        profile="openai",
        fixable=True,
    ),
    Plant("arguments_not_json", chat(USER, calling(function={"name": "look", "arguments": "{a"}), RESULT, ANSWER), 2),
    Plant("arguments_not_json", chat(USER, calling(function={"name": "look", "arguments": "3"}), RESULT, ANSWER), 2),
    Plant("tool_id_mismatch", chat(USER, CALLING, {**RESULT, "tool_call_id": "c2"}, ANSWER), 3),
    Plant("tool_id_mismatch", chat(USER, CALLING, USER, ANSWER), 2),
    Plant("tool_id_mismatch", chat(USER, RESULT, ANSWER), 2),
    Plant("tool_id_mismatch", chat(USER, CALLING, RESULT, RESULT, ANSWER), 4),
    Plant("tool_id_mismatch", chat(USER, {**CALLING, "tool_calls": [CALL, CALL]}, RESULT, ANSWER), 2),
    Plant("tool_id_missing", chat(USER, CALLING, {"role": "tool", "content": "x"}, ANSWER), 3, profile="openai"),
    Plant("tool_id_missing", chat(USER, calling(id=None)), 2, profile="azure"),
    Plant("tool_malformed", chat(USER, ANSWER, tools=["look"])),
    Plant("tool_malformed", chat(USER, ANSWER, tools=[{"name": "look"}]), profile="openai"),
    Plant("tool_malformed", chat(USER, ANSWER, tools={"name": "look"})),
    Plant("tool_not_declared", chat(USER, calling(function={"name": "loook", "arguments": "{}"}), tools=[TOOL]), 2),
    Plant(
        "functions_deprecated",
        chat(USER, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}),
        2,
        fixable=True,
    ),
    Plant("functions_deprecated", chat(USER, ANSWER, functions=[{"name": "f"}]), fixable=True),
    Plant("functions_deprecated", chat(USER, {"role": "function", "name": "f", "content": "1"}, ANSWER), 2),
    Plant("begins_with_answer", chat({"role": "assistant", "content": "Welcome!"}, USER, ANSWER), 1),
    Plant(
        "image_role", {"messages": [{"role": "system", "content": [WORDY, IMAGE]}, USER, ANSWER]}, 0, profile="openai"
    ),
    *(Plant("image_detail", pictured(HTTPS, detail=detail), 1, profile="openai") for detail in ("medium", None, 3)),
    *(
        Plant("image_url", pictured(url), 1, profile="azure")
        for url in (
            "cat.png",
            "ftp://example.org/a.png",
            "data:image/png,iVBORw0KGgo",
            "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
            "data:text/plain;base64,aGVsbG8=",
            "data:image/png;base64,not base 64!",
            "data:image/png;base64,",
            "data:image/png;base64,/9j/4AAQSkZJRgABAQ==",
            None,
        )
    ),
    Plant(
        "image_url", chat({"role": "user", "content": [{"type": "image_url", "image_url": HTTPS}]}, ANSWER), 1, "openai"
    ),
    Plant(
        "image_too_large", pictured("data:image/png;base64,iVBORw0KGgo" + "A" * (14 * 2**20 + 1)), 1, profile="openai"
    ),
    *(
        Plant("tool_schema", chat(USER, ANSWER, tools=[tool(parameters)]), profile=profile)
        for parameters in (
            {"type": "string"},
            {"type": "object", "properties": ["place"]},
            {"type": "object", "properties": {"place": "string"}},
            {"type": "object", "properties": {"place": {"type": "str"}}},
            {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["town"]},
            {"type": "object", "properties": {"place": {"type": "string"}}, "required": "place"},
            {"type": "object", "properties": {"place": {"enum": []}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "text"}}}},
        )
        for profile in (None, "openai")
    ),
    *(
        Plant(
            "arguments_unfit", chat(USER, calling(function={"name": "look", "arguments": arguments}), tools=[PLACE]), 2
        )
        for arguments in ("{}", '{"place": 3}', '{"place": "x", "town": "y"}', '{"place": "x", "unit": "K"}')
    ),
    Plant("tool_twice", chat(USER, ANSWER, tools=[TOOL, TOOL])),
    Plant("parallel_tool_calls", chat(USER, ANSWER, tools=[TOOL], parallel_tool_calls="no")),
    Plant(
        "parallel_tool_calls",
        chat(USER, calling(), tools=[TOOL], parallel_tool_calls=False)
        | {"messages": [SYSTEM, USER, {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}]},
        2,
    ),
    Plant("secret", chat(USER, {**ANSWER, "content": "it is AKIA" + "Q3EXAMPLE7Q2ZLNC"}), 2),
    Plant("personal_data", chat({**USER, "content": "I am jane.doe@example.org"}, ANSWER), 1),
    Plant("inconsistent_system_prompt", {"messages": [{"role": "system", "content": "You rhyme."}, USER, ANSWER]}),
    Plant("missing_system", {"messages": [USER, ANSWER]}),
]

PAIR = {
    "input": {"messages": [USER]},
    "preferred_output": [ANSWER],
    "non_preferred_output": [{"role": "assistant", "content": "no"}],
}
GRADED = {"messages": [USER], "reference": "x"}
TRL = {"prompt": "hi", "chosen": "hello", "rejected": "no"}

OTHER_PLANTS: list[tuple[Format, dict[str, Any], Plant]] = [
    (Format.PREFERENCE, PAIR, Plant("pair_malformed", {**PAIR, "input": {}})),
    (Format.PREFERENCE, PAIR, Plant("pair_malformed", {**PAIR, "preferred_output": []})),
    (Format.PREFERENCE, PAIR, Plant("pair_malformed", {**PAIR, "preferred_output": [{**ANSWER, "content": " "}]})),
    (Format.PREFERENCE, PAIR, Plant("pair_equal", {**PAIR, "non_preferred_output": [ANSWER]})),
    (Format.PREFERENCE, PAIR, Plant("pair_role", {**PAIR, "preferred_output": [{**USER, "content": "x"}]})),
    (Format.PREFERENCE, PAIR, Plant("mixed_formats", TRL)),
    (
        Format.PREFERENCE,
        PAIR,
        Plant("pair_equal", {**PAIR, "non_preferred_output": [{**ANSWER, "content": " hello\n"}]}),
    ),
    (
        Format.PREFERENCE,
        PAIR,
        Plant("pair_message", {**PAIR, "input": {"messages": [{**USER, "role": "human"}, USER]}}),
    ),
    (Format.PREFERENCE, PAIR, Plant("pair_message", {**PAIR, "preferred_output": [{**ANSWER, "contents": "x"}]})),
    (Format.PREFERENCE, PAIR, Plant("pair_message", {**PAIR, "preferred_output": [{**CALLING, "tool_calls": ["x"]}]})),
    (Format.PREFERENCE, PAIR, Plant("pair_prompt_end", {**PAIR, "input": {"messages": [USER, ANSWER]}})),
    (Format.TRL_PREFERENCE, TRL, Plant("pair_prompt_end", {**TRL, "prompt": [USER, ANSWER]})),
    (Format.TRL_PREFERENCE, TRL, Plant("pair_malformed", {"prompt": "hi", "chosen": "x"})),
    (Format.TRL_PREFERENCE, TRL, Plant("pair_equal", {**TRL, "rejected": "hello"})),
    (
        Format.PROMPT_COMPLETION,
        {"prompt": "a", "completion": "b"},
        Plant("field_malformed", {"prompt": 3, "completion": "b"}),
    ),
    (
        Format.PROMPT_COMPLETION,
        {"prompt": "a", "completion": "b"},
        Plant("field_empty", {"prompt": "a", "completion": " "}),
    ),
    (Format.TEXT, {"text": "a"}, Plant("field_empty", {"text": ""})),
    (Format.TEXT, {"text": "a"}, Plant("mixed_formats", {"txt": "a"})),
    (Format.ALPACA, {"instruction": "a", "output": "b"}, Plant("field_empty", {"instruction": "a", "output": ""})),
    (
        Format.SHAREGPT,
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        Plant("field_malformed", {"conversations": [{"from": "alien", "value": "a"}]}),
    ),
    (
        Format.UNPAIRED,
        {"prompt": "a", "completion": "b", "label": True},
        Plant("field_malformed", {"prompt": "a", "completion": "b", "label": "yes"}),
    ),
    (Format.PROMPT_ONLY, {"prompt": "a"}, Plant("field_malformed", {"prompt": 3})),
    (Format.REINFORCEMENT, GRADED, Plant("grader_keys_missing", {"messages": [USER]})),
    (Format.REINFORCEMENT, GRADED, Plant("grader_value_empty", {"messages": [USER], "reference": None})),
    (Format.REINFORCEMENT, GRADED, Plant("grader_value_empty", {"messages": [USER], "reference": " "})),
    (Format.REINFORCEMENT, GRADED, Plant("grader_keys_differ", {"messages": [USER], "answer": "x"})),
    (
        Format.REINFORCEMENT,
        GRADED,
        Plant("ends_with_answer", {"messages": [USER, ANSWER], "reference": "x"}, 1),
    ),
]

ABOUT_FILES = {
    "blank_line",
    "byte_order_mark",
    "damaged_array",
    "json_array",
    "too_few_records",
    "few_records",
    "file_too_large",
    "duplicate_record",
    "answer_cut_off",
    "answer_truncated",
    "example_too_long",
    "tokens_times_epochs",
    "too_many_image_records",
    "leaked_record",
    "near_duplicate",
    "label_imbalance",
    "template_refuses",
    "nothing_learnt",
    "end_of_turn_missing",
}
"""Rules with a test of their own below."""


def line_of(row: object) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row).encode()


def numbered(record: dict[str, Any], number: int) -> dict[str, Any]:
    """The same record, but no duplicate of the others."""
    text = json.dumps(record)
    for old in ('"hi"', '"a"'):
        text = text.replace(old, f'"question {number}"')
    return json.loads(text.replace('"hello"', f'"answer {number}"'))


def checked(folder: Path, rows: Sequence[object], end: bytes = b"\n", **options: Any) -> Report:
    path = folder / "data.jsonl"
    path.write_bytes(b"".join(line_of(row) + end for row in rows))
    with open_rows(path) as opened:
        return check(opened, **options)


def test_every_rule_has_a_plant_or_a_test_of_its_own() -> None:
    """A rule that nobody tries is a rule that may find nothing."""
    planted = {plant.name for plant in CHAT_PLANTS} | {plant.name for _, _, plant in OTHER_PLANTS}
    assert planted | ABOUT_FILES == {rule.name for rule in all_rules()}


@pytest.mark.parametrize("plant", CHAT_PLANTS, ids=lambda plant: plant.name)
def test_a_planted_mistake_is_found_at_its_place_and_alone(tmp_path: Path, plant: Plant) -> None:
    """Among sixty good records; no other finding, so one mistake is told once."""
    good = [numbered(chat(USER, ANSWER), number) for number in range(60)]
    rows = [*good[:6], plant.row, *good[6:]]
    report = checked(tmp_path, rows, profile=plant.profile, model=plant.model, counter=WORDS if plant.model else None)
    assert report.format is Format.CHAT
    found = [(finding.name, finding.line, finding.message_index, finding.fixable) for finding in report.findings]
    assert found == [(plant.name, 7, plant.message, plant.fixable)]


@pytest.mark.parametrize(("fmt", "good", "plant"), OTHER_PLANTS, ids=lambda value: str(getattr(value, "name", ""))[:24])
def test_a_mistake_in_another_format_is_found(tmp_path: Path, fmt: Format, good: dict[str, Any], plant: Plant) -> None:
    """The good records of every format have no finding."""
    rows: list[object] = [numbered(good, number) for number in range(5)]
    rows.insert(3, plant.row)
    report = checked(tmp_path, rows)
    assert report.format is fmt
    assert [(finding.name, finding.line, finding.message_index) for finding in report.findings] == [
        (plant.name, 4, plant.message)
    ]


def test_planted_mistakes_in_a_long_file_are_all_found_and_no_other(tmp_path: Path) -> None:
    """Three thousand lines with blank ones and CRLF between them; every plant many times, at random lines."""
    chance = random.Random(7)
    plants = [plant for plant in CHAT_PLANTS if plant.profile is None and plant.model is None]
    lines: list[bytes] = []
    expected: list[tuple[int, str]] = []
    for number in range(3000):
        line = line_of(numbered(chat(USER, ANSWER), number))
        draw = chance.random()
        if draw < 0.1:
            plant = chance.choice(plants)
            record = (
                numbered(plant.row, number) if isinstance(plant.row, dict) and "messages" in plant.row else plant.row
            )
            line = line_of({**record, "id": number} if isinstance(record, dict) else record)
            expected.append((number + 1, plant.name))
        elif draw < 0.12:
            line = b" "
            expected.append((number + 1, "blank_line"))
        lines.append(line)
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\r\n".join(lines))
    with open_rows(path) as rows:
        report = check(rows, ignore=["duplicate_record"])
    found = [(finding.line, finding.name) for finding in report.findings]
    assert sorted(found) == sorted(expected)
    assert report.errors + report.warnings == len(expected) and report.records == 3000 - sum(
        name == "blank_line" for _, name in expected
    )


GOOD = [
    chat(USER, ANSWER),
    chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL], parallel_tool_calls=False),
    chat(USER, {**CALLING, "content": "Let me look."}),
    chat(USER, {"role": "assistant", "tool_calls": [CALL]}),
    chat({"role": "developer", "content": "Be brief."}, USER, ANSWER),
    chat({**USER, "name": "Bob_1"}, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
    chat({"role": "user", "content": [{"type": "text", "text": "what is it?"}, IMAGE]}, ANSWER),
    chat(USER, {"role": "assistant", "content": None, "refusal": "I cannot."}),
    chat({"role": "user", "content": "NaN, Infinity and \ud83d\ude00"}, ANSWER),
]


def test_local_templates_need_no_ids_and_take_bare_tools(tmp_path: Path) -> None:
    """As transformers documents tool use."""
    call = {"type": "function", "function": {"name": "look", "arguments": {"place": "Ghent"}}}
    result = {"role": "tool", "name": "look", "content": "22"}
    record = chat(USER, {"role": "assistant", "tool_calls": [call]}, result, ANSWER, tools=[{"name": "look"}])
    for profile in (None, "local"):
        assert [finding.text for finding in checked(tmp_path, [record], profile=profile, ignore=["L"]).findings] == []


@pytest.mark.parametrize("record", GOOD, ids=range(len(GOOD)))
@pytest.mark.parametrize("profile", [None, "openai", "azure", "local", "compatible"])
def test_what_the_api_takes_is_not_faulted(tmp_path: Path, record: dict[str, Any], profile: str | None) -> None:
    """Tools, weights, names, image parts, null content with calls: what the cookbook's checks wrongly refuse."""
    report = checked(tmp_path, [record], profile=profile, ignore=["L"])
    assert [finding.text for finding in report.findings if finding.name != "inconsistent_system_prompt"] == []


def test_the_toy_set_has_no_error_and_the_cookbooks_two_warnings() -> None:
    """One record without a system message, one without a user message."""
    with open_rows(TOY) as rows:
        report = check(rows)
    assert (report.records, report.errors, report.warnings) == (5, 0, 2)
    assert [(finding.name, finding.line) for finding in report.findings] == [("missing_system", 3), ("missing_user", 4)]


def test_the_report_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    """Outside checks rely on them."""
    printed = json.loads(json.dumps(asdict(checked(tmp_path, [chat(USER), chat(USER, ANSWER)]))))
    assert {"file", "format", "records", "errors", "warnings", "findings"} <= set(printed)
    assert printed["format"] == "chat" and printed["errors"] == 1
    assert printed["findings"] == [
        {
            "code": "R003",
            "name": "example_missing_assistant_message",
            "severity": "error",
            "line": 1,
            "message_index": None,
            "text": "no message has the role 'assistant'",
            "fixable": False,
        }
    ]


def test_a_broken_line_is_reported_with_line_and_column(tmp_path: Path) -> None:
    """What the cookbook's loader crashes on."""
    rows = [line_of(numbered(chat(USER, ANSWER), number)) for number in range(10)]
    rows[6] = b'{"messages": [{"role": "user" "content": "x"}]}'
    [finding] = checked(tmp_path, rows).findings
    assert (finding.code, finding.line, finding.severity) == ("J001", 7, Severity.ERROR)
    assert finding.text == "column 31: not JSON: a comma or a closing bracket is expected here"


def test_layout_is_reported(tmp_path: Path) -> None:
    """Byte order mark (not at Azure, whose documents ask for it), blank lines, copies."""
    record = line_of(chat(USER, ANSWER))
    copy = json.dumps(chat(USER, ANSWER), separators=(",", ":")).encode()
    rows = [b"\xef\xbb\xbf" + record, b"", line_of(chat(USER, {**ANSWER, "content": "x"})), b"\t", copy]
    found = [(finding.name, finding.line) for finding in checked(tmp_path, rows).findings]
    assert found == [("byte_order_mark", 1), ("blank_line", 2), ("blank_line", 4), ("duplicate_record", 5)]
    names = {finding.name for finding in checked(tmp_path, rows, profile="azure").findings}
    assert "byte_order_mark" not in names and "blank_line" in names


def test_array_files_are_checked_at_their_lines(tmp_path: Path) -> None:
    """Readable, but not what a provider takes; a cut-off one is damaged."""
    path = tmp_path / "data.json"
    records = [numbered(chat(USER, ANSWER), number) for number in range(12)]
    path.write_text("[\n" + ",\n".join(json.dumps(record) for record in [*records, chat(USER)]) + "\n]")
    with open_rows(path) as rows:
        assert [(finding.name, finding.line) for finding in check(rows).findings] == [
            ("example_missing_assistant_message", 14)
        ]
        assert "json_array" in {finding.name for finding in check(rows, profile="openai").findings}
    path.write_text("[\n" + ",\n".join(json.dumps(record) for record in records) + ",\n")
    with open_rows(path) as rows:
        assert [finding.name for finding in check(rows).findings] == ["damaged_array"]


@pytest.mark.parametrize(
    ("count", "profile", "names"),
    [
        (9, None, []),
        (9, "openai", ["too_few_records"]),
        (9, "azure", ["too_few_records"]),
        (9, "local", ["few_records"]),
        (10, "openai", ["few_records"]),
        (50, "openai", []),
    ],
)
def test_a_profile_asks_for_enough_records(tmp_path: Path, count: int, profile: str | None, names: list[str]) -> None:
    """Without a profile only what holds everywhere is said."""
    report = checked(tmp_path, [numbered(chat(USER, ANSWER), number) for number in range(count)], profile=profile)
    assert [finding.name for finding in report.findings] == names


def test_a_file_larger_than_an_upload_is_refused() -> None:
    """Where the provider has a limit."""
    rule, facts = find_rule("file_too_large"), Facts(size=513 * 2**20, records=50)
    assert rule.check_file is not None
    openai, local = (Context(Format.CHAT, limits_for(kind)) for kind in ("openai", "local"))
    assert [problem.text for problem in rule.check_file(facts, openai)] == [
        "513 MiB; the provider takes 512 MiB a file"
    ]
    assert not rule.applies(local)


def test_an_answer_behind_the_cut_is_an_error(tmp_path: Path) -> None:
    """Too long is a warning; that nothing would be learnt is an error."""
    long = chat({"role": "user", "content": "w " * 70_000}, ANSWER)
    report = checked(tmp_path, [chat(USER, ANSWER), long], model="gpt-4o", counter=WORDS)
    assert [(finding.name, finding.line, finding.message_index) for finding in report.findings] == [
        ("example_too_long", 2, None),
        ("answer_cut_off", 2, 2),
    ]


def test_many_system_prompts_are_one_remark(tmp_path: Path) -> None:
    """A prompt a record is somebody's plan, not fifty mistakes."""
    rows = [numbered({"messages": [{"role": "system", "content": f"Case {n}"}, USER, ANSWER]}, n) for n in range(50)]
    [finding] = checked(tmp_path, rows).findings
    assert finding.line is None and "50 different system prompts" in finding.text


def test_rules_can_be_chosen_by_code_prefix_and_name(tmp_path: Path) -> None:
    """As ruff does: select narrows, ignore takes away, both may be lists with commas."""
    rows = [chat(USER, {**ANSWER, "contents": "x", "weight": 2}), chat(ANSWER), "text"]
    everything = {finding.name for finding in checked(tmp_path, rows).findings}
    assert everything == {"message_unrecognized_key", "weight_value", "missing_user", "data_type"}

    def names(**options: Any) -> set[str]:
        return {finding.name for finding in checked(tmp_path, rows, **options).findings}

    assert names(select=["M"]) == {"message_unrecognized_key"}
    assert names(select=["W0,data_type"]) == {"weight_value", "data_type"}
    assert names(ignore=["M002", "o"]) == {"weight_value", "data_type"}
    assert names(select=["M", "W"], ignore=["W001"]) == {"message_unrecognized_key"}


@pytest.mark.parametrize("options", [{"select": ["Q9"]}, {"ignore": ["missing_contents"]}, {"profile": "opnai"}])
def test_an_unknown_rule_or_profile_is_a_usage_error(tmp_path: Path, options: dict[str, Any]) -> None:
    """Exit code 2 and a way out, not a check that silently checks nothing."""
    with pytest.raises(WorkbenchError) as caught:
        checked(tmp_path, [chat(USER, ANSWER)], **options)
    assert caught.value.exit_code == 2 and caught.value.hint


def test_every_rule_has_a_page() -> None:
    """A line that says what is wrong; the codes are a letter and three digits."""
    for rule in all_rules():
        assert rule.title.endswith(".") or ":" in rule.title, rule.code
        assert len(rule.code) == 4 and rule.code[0].isupper() and rule.code[1:].isdigit()
        assert find_rule(rule.name) is find_rule(rule.code) is rule
    cookbook = {
        "data_type",
        "missing_messages_list",
        "message_missing_key",
        "message_unrecognized_key",
        "unrecognized_role",
        "missing_content",
        "example_missing_assistant_message",
    }
    assert cookbook <= {rule.name for rule in all_rules() if rule.severity is Severity.ERROR}
    assert selected() == all_rules()


KEYS = (
    "messages role content tool_calls tools function name arguments weight type text input prompt completion chosen"
    " rejected preferred_output conversations from value label instruction output history system"
)
scalars = st.none() | st.booleans() | st.integers(-1, 2) | st.floats() | st.text(max_size=3) | st.just("assistant")
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(anything, max_size=4), st.sampled_from(list(Format)), st.sampled_from([None, "openai"]))
def test_no_record_whatever_breaks_a_rule(
    tmp_path_factory: pytest.TempPathFactory, records: list[object], fmt: Format, profile: str | None
) -> None:
    """A linter that crashes on bad data is no linter."""
    folder = tmp_path_factory.mktemp("any")
    report = checked(folder, [{}, *records], format=fmt, profile=profile, model="gpt-4o", counter=WORDS)
    assert report.records == len(records) + 1
