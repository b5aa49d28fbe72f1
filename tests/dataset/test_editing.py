"""Editing a record: what was named changes, all else is the very same."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset import editing
from workbench.dataset.editing import EditError, Part, parts_of
from workbench.dataset.formats import Format, RecordError, to_chat
from workbench.dataset.words import diff_words

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CHAT: dict[str, Any] = {
    "id": 7,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"content": [{"type": "text", "text": "what is it?"}, IMAGE], "role": "user", "name": "ann", "mood": "sad"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "assistant", "content": "It is a cat.", "weight": 1},
    ],
    "tools": [TOOL],
    "extra": {"kept": [1, 2.5, None]},
}
RECORDS: dict[Format, dict[str, Any]] = {
    Format.CHAT: CHAT,
    Format.PROMPT_COMPLETION: {"prompt": "one", "completion": "two", "x": 1},
    Format.TEXT: {"text": "all of it", "n": 3},
    Format.ALPACA: {"instruction": "do", "input": "it", "output": "done", "history": [["q", "a"]], "system": "s"},
    Format.SHAREGPT: {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}], "id": "a"},
    Format.PREFERENCE: {
        "input": {"messages": [{"role": "user", "content": "q"}], "tools": []},
        "preferred_output": [{"role": "assistant", "content": "good"}],
        "non_preferred_output": [{"role": "assistant", "content": "bad"}],
    },
    Format.TRL_PREFERENCE: {"prompt": "q", "chosen": "good", "rejected": [{"role": "assistant", "content": "bad"}]},
    Format.UNPAIRED: {"prompt": "q", "completion": "a", "label": True},
    Format.REINFORCEMENT: {"messages": [{"role": "user", "content": "q"}], "reference": "42"},
}


def part(value: Any, fmt: Format, number: int) -> Part:
    return parts_of(value, fmt)[number]


def dumped(value: object) -> str:
    """As it would stand in a file: the order of keys counts."""
    return json.dumps(value)


@pytest.mark.parametrize("fmt", RECORDS, ids=str)
def test_every_format_has_parts_and_each_text_can_be_set(fmt: Format) -> None:
    """Only that text differs afterwards, and the record that was given is untouched."""
    value = RECORDS[fmt]
    before = dumped(value)
    for number, one in enumerate(parts_of(value, fmt)):
        if not one.editable:
            continue
        changed = editing.set_text(value, one, "ZZZ")
        parts = parts_of(changed, fmt)
        assert parts[number].text == "ZZZ"
        assert [p.text for at, p in enumerate(parts) if at != number] == [
            p.text for at, p in enumerate(parts_of(value, fmt)) if at != number
        ]
        if one.text:
            assert dumped(editing.set_text(changed, parts[number], one.text)) == before
    assert dumped(value) == before


def test_setting_the_same_text_is_no_change() -> None:
    """A null content that is only looked at stays null."""
    assert editing.set_text(CHAT, part(CHAT, Format.CHAT, 3), "") is CHAT


def test_the_pieces_of_a_content_are_parts_of_their_own() -> None:
    """An image is shown and survives; its text is edited beside it."""
    text, image = parts_of(CHAT, Format.CHAT)[1:3]
    assert (text.text, image.editable) == ("what is it?", False)
    assert "image_url" in image.note
    changed = editing.set_text(CHAT, text, "and this?")
    assert changed["messages"][1]["content"] == [{"type": "text", "text": "and this?"}, IMAGE]
    assert changed["messages"][1]["content"][1] is IMAGE
    assert changed["messages"][0] is CHAT["messages"][0]
    with pytest.raises(EditError, match="has no text"):
        editing.set_text(CHAT, image, "x")


@pytest.mark.parametrize(("fmt", "number"), [(Format.CHAT, 0), (Format.SHAREGPT, 0), (Format.PREFERENCE, 0)])
def test_roles_go_through_those_of_the_format_and_come_back(fmt: Format, number: int) -> None:
    value = RECORDS[fmt]
    seen = [part(value, fmt, number).role]
    while len(seen) < 10:
        here = part(value, fmt, number)
        value = editing.set_role(value, here, editing.next_role(here))
        seen.append(part(value, fmt, number).role)
        if seen[-1] == seen[0]:
            break
    assert len(seen) == len(here.roles) + 1
    assert dumped(value) == dumped(RECORDS[fmt])


def test_a_role_that_is_none_goes_to_the_first() -> None:
    value = {"messages": [{"role": "bot", "content": "x"}]}
    assert editing.next_role(part(value, Format.CHAT, 0)) == "system"


def test_t_sets_the_weight_of_an_answer_and_the_label_of_an_unpaired_record() -> None:
    answer = parts_of(CHAT, Format.CHAT)[-1]
    off = editing.toggle_trained(CHAT, Format.CHAT, answer)
    assert off["messages"][4]["weight"] == 0
    assert not parts_of(off, Format.CHAT)[-1].trained
    assert dumped(editing.toggle_trained(off, Format.CHAT, parts_of(off, Format.CHAT)[-1])) == dumped(CHAT)
    with pytest.raises(EditError, match="never trained"):
        editing.toggle_trained(CHAT, Format.CHAT, part(CHAT, Format.CHAT, 0))
    unpaired = RECORDS[Format.UNPAIRED]
    bad = editing.toggle_trained(unpaired, Format.UNPAIRED, part(unpaired, Format.UNPAIRED, 1))
    assert bad == {"prompt": "q", "completion": "a", "label": False}
    assert [parts_of(one, Format.UNPAIRED)[1].note for one in (unpaired, bad)] == ["good answer", "bad answer"]


def test_messages_are_added_before_and_after_in_the_words_of_the_format() -> None:
    value = RECORDS[Format.SHAREGPT]
    after, where = editing.add(value, part(value, Format.SHAREGPT, 1))
    assert where == ("conversations", 2)
    assert after["conversations"][2] == {"from": "human", "value": ""}
    before, where = editing.add(CHAT, part(CHAT, Format.CHAT, 1), after=False)
    assert where == ("messages", 1)
    assert before["messages"][1] == {"role": "assistant", "content": ""}
    emptied = editing.delete({"messages": CHAT["messages"][:1]}, part(CHAT, Format.CHAT, 0))
    assert emptied == {"messages": []}
    place = part(emptied, Format.CHAT, 0)
    assert place.empty_section
    filled, _ = editing.add(emptied, place)
    assert filled == {"messages": [{"role": "user", "content": ""}]}


def test_what_the_format_needs_cannot_be_deleted_what_it_does_not_can() -> None:
    value = RECORDS[Format.ALPACA]
    names = [one.section for one in parts_of(value, Format.ALPACA)]
    without = editing.delete(value, parts_of(value, Format.ALPACA)[names.index("input")])
    assert "input" not in without
    assert editing.delete(value, parts_of(value, Format.ALPACA)[names.index("history")])["history"] == []
    with pytest.raises(EditError, match="the format needs it"):
        editing.delete(value, parts_of(value, Format.ALPACA)[names.index("output")])


def test_a_copy_stands_after_its_message_and_shares_nothing_with_it() -> None:
    twice, where = editing.duplicate(CHAT, part(CHAT, Format.CHAT, 1))
    assert where == ("messages", 2)
    assert twice["messages"][1] == twice["messages"][2]
    assert twice["messages"][1]["content"] is not twice["messages"][2]["content"]


def test_joining_what_would_lose_something_is_refused() -> None:
    value = {
        "messages": [
            {"role": "user", "content": "a", "name": "ann"},
            {"role": "user", "content": "b", "name": "bob"},
            {"role": "assistant", "content": "c"},
        ]
    }
    with pytest.raises(EditError, match="differ in `name`"):
        editing.join(value, part(value, Format.CHAT, 0))
    with pytest.raises(EditError, match="different roles"):
        editing.join(value, part(value, Format.CHAT, 1))
    with pytest.raises(EditError, match="none after it"):
        editing.join(value, part(value, Format.CHAT, 2))
    value["messages"][1]["name"] = "ann"
    joined = editing.join(value, part(value, Format.CHAT, 0), "\n")
    assert joined["messages"][0] == {"role": "user", "content": "a\nb", "name": "ann"}


def test_swapping_keeps_the_keys_where_they_are() -> None:
    value = RECORDS[Format.PREFERENCE]
    swapped = editing.swap_sides(value, Format.PREFERENCE)
    assert list(swapped) == list(value)
    assert to_chat(swapped, Format.PREFERENCE)[-1]["content"] == "bad"
    assert dumped(editing.swap_sides(swapped, Format.PREFERENCE)) == dumped(value)
    with pytest.raises(EditError, match="one answer"):
        editing.swap_sides(CHAT, Format.CHAT)


def test_names_and_ids_are_set_and_taken_away() -> None:
    tool = part(CHAT, Format.CHAT, 4)
    assert tool.role == "tool"
    other = editing.set_tool_call_id(CHAT, tool, "c2")
    assert other["messages"][3] == {"role": "tool", "tool_call_id": "c2", "content": "a cat"}
    assert "name" not in editing.set_name(CHAT, part(CHAT, Format.CHAT, 1), None)["messages"][1]
    with pytest.raises(EditError, match="is no message"):
        editing.set_name(RECORDS[Format.TEXT], part(RECORDS[Format.TEXT], Format.TEXT, 0), "x")


def test_tools_are_checked_json() -> None:
    """Where the JSON breaks is told by line and column; a tool without a name as the linter says it."""
    with pytest.raises(EditError, match="line 2, column 11"):
        editing.parse_tools('[\n    "type": 1}]')
    with pytest.raises(EditError, match="has no name"):
        editing.parse_tools('[{"type": "function", "function": {}}]')
    with pytest.raises(EditError, match="a list of objects, not an object"):
        editing.parse_tools("{}")
    assert editing.parse_tools(" ") is None
    assert editing.parse_tools(editing.to_json([TOOL])) == [TOOL]


@pytest.mark.parametrize("fmt", [Format.CHAT, Format.PREFERENCE, Format.TEXT], ids=str)
def test_tools_are_put_where_the_format_has_them(fmt: Format) -> None:
    value = RECORDS[fmt]
    with_tools = editing.set_tools(value, fmt, [TOOL, TOOL])
    assert editing.tools_of(with_tools, fmt) == [TOOL, TOOL]
    without = editing.set_tools(with_tools, fmt, None)
    assert editing.tools_of(without, fmt) is None
    assert "tools" not in dumped(without)


def test_records_of_another_shape_are_said_not_guessed() -> None:
    for value, fmt, place in (
        ([], Format.CHAT, "a list"),
        ({"messages": "x"}, Format.CHAT, "messages"),
        ({"messages": [3]}, Format.CHAT, r"messages\[0\]"),
        ({"prompt": 3, "completion": "x"}, Format.PROMPT_COMPLETION, "prompt"),
        ({"preferred_output": [], "non_preferred_output": []}, Format.PREFERENCE, "input"),
        ({"conversations": [{"from": "human", "value": 3}]}, Format.SHAREGPT, "value"),
        ({}, Format.UNKNOWN, "no format"),
    ):
        with pytest.raises(RecordError, match=place):
            parts_of(value, fmt)


# Properties -----------------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=20)
PIECES = st.lists(
    st.one_of(TEXT.map(lambda text: {"type": "text", "text": text}), st.just(copy.deepcopy(IMAGE))), max_size=3
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.one_of(TEXT, PIECES, st.none())},
    optional={"weight": st.sampled_from([0, 1]), "name": TEXT, "more": st.integers()},
)
CHATS = st.builds(
    lambda messages, more: {"more": more, "messages": messages, "last": None},
    st.lists(MESSAGE, min_size=1, max_size=5), st.integers(),
)  # fmt: skip


def choose(data: st.DataObject, value: dict[str, Any]) -> Part:
    return data.draw(st.sampled_from(parts_of(value, Format.CHAT)))


@settings(max_examples=60)
@given(CHATS, st.data())
def test_split_then_join_is_the_identity(value: dict[str, Any], data: st.DataObject) -> None:
    chosen = choose(data, value)
    if len(chosen.text) < 2:
        return
    cut = editing.split(value, chosen, data.draw(st.integers(1, len(chosen.text) - 1)))
    assert len(cut["messages"]) == len(value["messages"]) + 1
    first = next(one for one in parts_of(cut, Format.CHAT) if one.message == chosen.message)
    assert dumped(editing.join(cut, first)) == dumped(value)


@settings(max_examples=60)
@given(CHATS, st.data())
def test_up_then_down_is_the_identity(value: dict[str, Any], data: st.DataObject) -> None:
    chosen = choose(data, value)
    moved, where = editing.move(value, chosen, -1)
    there = next(one for one in parts_of(moved, Format.CHAT) if one.message == where)
    if where != chosen.message:
        moved, _ = editing.move(moved, there, 1)
    assert dumped(moved) == dumped(value)


@settings(max_examples=80)
@given(CHATS, st.data())
def test_messages_that_an_edit_does_not_name_are_the_same_objects(value: dict[str, Any], data: st.DataObject) -> None:
    chosen = choose(data, value)
    before = dumped(value)
    edits = [
        lambda: editing.set_role(value, chosen, "tool"),
        lambda: editing.add(value, chosen)[0],
        lambda: editing.delete(value, chosen),
        lambda: editing.duplicate(value, chosen)[0],
        lambda: editing.move(value, chosen, 1)[0],
        lambda: editing.set_name(value, chosen, "zoe"),
        lambda: editing.toggle_trained(value, Format.CHAT, chosen) if chosen.role == "assistant" else value,
    ]
    if chosen.editable:
        edits.append(lambda: editing.set_text(value, chosen, "new"))
    changed = data.draw(st.sampled_from(edits))()
    assert dumped(value) == before
    assert list(changed) == list(value)
    kept = {id(message) for message in changed["messages"]}
    for index, message in enumerate(value["messages"]):
        assert id(message) in kept or ("messages", index) == chosen.message


@settings(max_examples=80)
@given(st.text("ab c.\n", max_size=40), st.text("ab c.\n", max_size=40))
def test_a_diff_has_all_of_both_texts(left: str, right: str) -> None:
    """The spans of each side are that side; what both call the same is the same."""
    ours, theirs = diff_words(left, right)
    assert "".join(span.text for span in ours) == left
    assert "".join(span.text for span in theirs) == right
    same = [["".join(span.text for span in side if span.kind == "same")] for side in (ours, theirs)]
    assert same[0] == same[1]


def test_only_the_words_that_differ_are_marked() -> None:
    ours, theirs = diff_words("It is a black cat.", "It is a white cat.")
    assert [span.text for span in ours if span.kind == "only_here"] == ["black "]
    assert [span.text for span in theirs if span.kind == "only_here"] == ["white "]


def test_long_texts_are_compared_by_lines() -> None:
    """A hundred thousand words take no minute."""
    left = "".join(f"line {n} with words\n" for n in range(3000))
    ours, _ = diff_words(
        left, left.replace("line 1500 ", "another ").replace("line 20 ", "x ").replace("line 9 ", "y ")
    )
    assert "line 20 with words\n" in [span.text for span in ours if span.kind == "only_here"]


@pytest.mark.parametrize(
    ("role", "meant"), [("human", "user"), ("GPT", "assistant"), ("observation", "tool"), ("assistnt", "assistant")]
)
def test_a_role_of_another_tool_goes_to_what_it_means(role: str, meant: str) -> None:
    """One key repairs what a converter left behind."""
    value = {"messages": [{"role": role, "content": "x"}]}
    assert editing.next_role(part(value, Format.CHAT, 0)) == meant
