"""Formats: told from content, read leniently, written back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.formats import (
    Format,
    Odd,
    RecordError,
    detect,
    dump_chat,
    parse_chat,
    parse_pair,
    to_chat,
    tools_of,
)

USER = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "hello"}

EXAMPLES: dict[Format, dict[str, Any]] = {
    Format.CHAT: {"messages": [USER, ANSWER]},
    Format.PROMPT_COMPLETION: {"prompt": "hi", "completion": "hello"},
    Format.TEXT: {"text": "once upon a time"},
    Format.ALPACA: {"instruction": "say hi", "input": "in French", "output": "salut"},
    Format.SHAREGPT: {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
    Format.PREFERENCE: {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    },
    Format.TRL_PREFERENCE: {"prompt": "hi", "chosen": "hello", "rejected": "no"},
    Format.UNPAIRED: {"prompt": "hi", "completion": "hello", "label": True},
    Format.PROMPT_ONLY: {"prompt": "hi"},
    Format.REINFORCEMENT: {"messages": [USER], "reference": "hello"},
}


def test_every_format_but_unknown_has_an_example() -> None:
    """So that a new format cannot be forgotten below."""
    assert set(EXAMPLES) == set(Format) - {Format.UNKNOWN}


@pytest.mark.parametrize("fmt", EXAMPLES)
def test_a_format_is_told_from_its_keys_with_the_reason(fmt: Format) -> None:
    """The reason names keys that the record really has."""
    detected = detect([EXAMPLES[fmt]] * 5)
    assert detected.format is fmt
    assert ("every record has" in detected.reason and f"`{next(iter(EXAMPLES[fmt]))}`" in detected.reason) or fmt in (
        Format.TRL_PREFERENCE,
    )


def test_the_majority_decides_and_says_how_large_it_is() -> None:
    """One stray record does not change the file's format."""
    detected = detect([EXAMPLES[Format.CHAT]] * 9 + [EXAMPLES[Format.TEXT], {"x": 1}, 3])
    assert detected.format is Format.CHAT and "9 of 12 records" in detected.reason
    assert detected.odd == (Odd(Format.UNKNOWN, 2, 10), Odd(Format.TEXT, 1, 9))


def test_mixed_formats_are_counted_with_the_line_of_the_first() -> None:
    """So that a person finds the odd ones."""
    detected = detect([EXAMPLES[Format.CHAT], EXAMPLES[Format.TEXT], EXAMPLES[Format.CHAT]], lines=[1, 4, 5])
    assert detected.reason == "2 of 3 records have `messages`; mixed with 1 text (line 4)"
    assert detect([EXAMPLES[Format.CHAT]]).odd == ()


def test_what_fits_nothing_is_unknown_and_names_what_is_there() -> None:
    """Keys, types, or nothing readable at all."""
    assert detect([{"foo": 1, "bar": 2}]).reason.startswith("the first record has keys `foo`, `bar`")
    assert detect([[1, 2]]).format is Format.UNKNOWN
    assert detect([]).reason == "no record can be read"


def test_a_chat_record_whose_answer_is_missing_is_still_chat() -> None:
    """Only keys of its own make it a reinforcement record."""
    assert detect([{"messages": [USER]}]).format is Format.CHAT
    assert detect([{"messages": [USER, ANSWER], "source": "crm"}]).format is Format.CHAT


@pytest.mark.parametrize(
    ("fmt", "roles", "last"),
    [
        (Format.CHAT, ["user", "assistant"], "hello"),
        (Format.PROMPT_COMPLETION, ["user", "assistant"], "hello"),
        (Format.TEXT, ["assistant"], "once upon a time"),
        (Format.ALPACA, ["user", "assistant"], "salut"),
        (Format.SHAREGPT, ["user", "assistant"], "hello"),
        (Format.PREFERENCE, ["user", "assistant"], "hello"),
        (Format.TRL_PREFERENCE, ["user", "assistant"], "hello"),
        (Format.UNPAIRED, ["user", "assistant"], "hello"),
        (Format.PROMPT_ONLY, ["user"], "hi"),
        (Format.REINFORCEMENT, ["user"], "hi"),
    ],
)
def test_every_format_can_be_seen_as_a_conversation(fmt: Format, roles: list[str], last: str) -> None:
    """A pair gives its prompt with the preferred answer."""
    messages = to_chat(EXAMPLES[fmt], fmt)
    assert [message["role"] for message in messages] == roles
    assert messages[-1]["content"] == last


def test_alpaca_joins_instruction_and_input_and_keeps_history() -> None:
    """LLaMA-Factory's system and history are read too."""
    record = {"system": "S", "history": [["a", "b"]], "instruction": "c", "input": "d", "output": "e"}
    texts = [(message["role"], message["content"]) for message in to_chat(record, Format.ALPACA)]
    assert texts == [("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c\n\nd"), ("assistant", "e")]


def test_sharegpt_tool_calls_are_read_as_chat_ones() -> None:
    """LLaMA-Factory's words: a call is JSON in a turn of its own, and tools are text."""
    record = {
        "conversations": [
            {"from": "human", "value": "weather?"},
            {"from": "function_call", "value": '{"name": "look", "arguments": {"city": "Oslo"}}'},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "Rain."},
        ],
        "system": "Be short.",
        "tools": '[{"name": "look"}]',
    }
    messages = to_chat(record, Format.SHAREGPT)
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant"]
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'}}
    assert messages[2]["tool_calls"] == [call] and messages[3]["tool_call_id"] == "call_1"
    assert tools_of(record) == [{"name": "look"}]
    record["conversations"][1]["value"] = "look(Oslo)"  # type: ignore[index]
    with pytest.raises(RecordError, match="function call"):
        to_chat(record, Format.SHAREGPT)


def test_prompts_and_answers_may_be_lists_of_messages() -> None:
    """As TRL writes conversational prompt-completion and implicit preference records."""
    assert to_chat({"prompt": [USER], "completion": [ANSWER]}, Format.PROMPT_COMPLETION) == [USER, ANSWER]
    other = {"role": "assistant", "content": "no"}
    pair = parse_pair({"chosen": [USER, ANSWER], "rejected": [USER, other]}, Format.TRL_PREFERENCE)
    assert (pair.prompt, pair.preferred, pair.other) == ([USER], [ANSWER], [other])


@pytest.mark.parametrize(
    ("value", "fmt", "place"),
    [
        ([1], Format.CHAT, ""),
        ({}, Format.CHAT, "messages"),
        ({"messages": "hi"}, Format.CHAT, "messages"),
        ({"messages": [USER, "hi"]}, Format.CHAT, "messages[1]"),
        ({"messages": [{"content": "hi"}]}, Format.CHAT, "messages[0]"),
        ({"prompt": 3, "completion": "x"}, Format.PROMPT_COMPLETION, "prompt"),
        ({"text": None}, Format.TEXT, "text"),
        ({"instruction": "x"}, Format.ALPACA, "output"),
        ({"conversations": [{"from": "martian", "value": "x"}]}, Format.SHAREGPT, "conversations[0].from"),
        ({"conversations": [{"from": "human", "value": 1}]}, Format.SHAREGPT, "conversations[0].value"),
        ({"input": [USER]}, Format.PREFERENCE, "input"),
        ({"input": {"messages": [USER]}, "preferred_output": [ANSWER]}, Format.PREFERENCE, "non_preferred_output"),
        ({"prompt": "x", "chosen": "y"}, Format.TRL_PREFERENCE, "rejected"),
        ({"x": 1}, Format.UNKNOWN, ""),
    ],
)
def test_a_record_without_the_shape_says_where(value: object, fmt: Format, place: str) -> None:
    """The place inside the record, and why in words."""
    with pytest.raises(RecordError) as caught:
        to_chat(value, fmt)
    assert caught.value.place == place and caught.value.why


scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=4)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(
    ["role", "content", "name", "tool_calls", "tool_call_id", "weight", "function_call", "extra", "order", ""]
)
messages = st.dictionaries(keys, anything | st.just("assistant"), max_size=6)
record_keys = st.sampled_from(["tools", "parallel_tool_calls", "functions", "extra", "id"])


@given(st.lists(messages, max_size=4), st.dictionaries(record_keys, anything, max_size=3), st.booleans())
def test_a_chat_record_is_written_back_as_it_was_read(
    turns: list[dict[str, Any]], rest: dict[str, Any], messages_first: bool
) -> None:
    """Whatever stands in it, of whatever type, null or missing: same keys, same order, same values."""
    record = {"messages": turns, **rest} if messages_first else {**rest, "messages": turns}
    assert json.dumps(dump_chat(parse_chat(record))) == json.dumps(record)


def test_typed_fields_hold_their_type() -> None:
    """A value of the wrong type stays beside them, for the linter to find."""
    message = parse_chat({"messages": [{"role": 3, "content": {"a": 1}, "weight": True, "name": None}]}).messages[0]
    assert (message.role, message.content, message.weight, message.name) == ("", None, None, None)
    assert message.extra == {"role": 3, "content": {"a": 1}, "weight": True}
    assert message.has("name") and not message.has("tool_calls")
