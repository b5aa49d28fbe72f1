"""The old words for tools become the new ones, always in the same way."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.formats.legacy import functions_to_tools, is_legacy, with_tools

DECLARED = {"name": "look", "parameters": {"type": "object"}}
OLD: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "weather in Oslo and Rome?"},
        {"role": "assistant", "function_call": {"name": "look", "arguments": '{"city": "Oslo"}'}},
        {"role": "function", "name": "look", "content": "rain"},
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"city": "Rome"}'}},
        {"role": "function", "name": "look", "content": "sun"},
        {"role": "assistant", "content": "Rain and sun."},
    ],
    "functions": [DECLARED],
    "id": 7,
}


def test_calls_get_ids_in_order_and_results_find_theirs() -> None:
    """The whole record, in place, as the linter's fixes work; other keys stay where they are."""
    record = copy.deepcopy(OLD)
    assert functions_to_tools(record) == 5
    first = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'}}
    assert record["messages"][1] == {"role": "assistant", "content": None, "tool_calls": [first]}
    assert record["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
    assert record["messages"][4]["tool_call_id"] == record["messages"][3]["tool_calls"][0]["id"] == "call_2"
    assert record["tools"] == [{"type": "function", "function": DECLARED}]
    assert list(record) == ["messages", "tools", "id"]
    assert not is_legacy(record) and functions_to_tools(record) == 0


def test_a_copy_leaves_the_record_as_it_was() -> None:
    before = copy.deepcopy(OLD)
    assert with_tools(OLD) != OLD == before


def test_an_id_that_is_taken_is_not_used_again() -> None:
    """Records may mix both words."""
    call = {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    record = {
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        ]
    }
    assert functions_to_tools(record) == 1
    assert record["messages"][1]["tool_calls"][0]["id"] == "call_2_"  # type: ignore[index]


def test_declared_tools_are_not_declared_twice() -> None:
    tool = {"type": "function", "function": DECLARED}
    other = {"name": "other"}
    record: dict[str, Any] = {"messages": [], "tools": [tool], "functions": [DECLARED, other]}
    assert functions_to_tools(record) == 1
    assert record == {"messages": [], "tools": [tool, {"type": "function", "function": other}]}


def test_what_is_malformed_or_answers_nothing_stays() -> None:
    """It is for a person to decide."""
    record: dict[str, Any] = {
        "messages": [
            {"role": "function", "name": "look", "content": "rain"},
            {"role": "assistant", "content": "x", "function_call": "look"},
            {"role": "assistant", "content": "x", "function_call": None},
        ],
        "functions": {"name": "look"},
    }
    before = copy.deepcopy(record)
    assert functions_to_tools(record) == 0 and record == before


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.just("f"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "id", "x"]), inner),
    max_leaves=4,
)
messages = st.dictionaries(
    st.sampled_from(["role", "content", "name", "function_call", "tool_calls"]), anything | st.just("function")
)


@given(st.lists(messages | anything, max_size=4), anything, anything)
def test_no_record_makes_it_fail_and_a_second_time_changes_nothing(
    turns: list[Any], functions: Any, tools: Any
) -> None:
    """Whatever stands where a call should."""
    record = {"messages": turns, "functions": functions, "tools": tools}
    functions_to_tools(record)
    once = copy.deepcopy(record)
    assert functions_to_tools(record) == 0 and record == once
