"""Conversion: there and back is the identity where the target can hold the record; what it cannot hold is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dataset.test_formats import EXAMPLES
from workbench.dataset.formats import TARGETS, Format, RecordError, convert, format_of, pair_up

USER = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "hello"}
SYSTEM = {"role": "system", "content": "Be kind."}
MASKED = {"role": "assistant", "content": "er", "weight": 0}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALL = {"id": "abc", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'}}
TOOL_CHAT = {
    "messages": [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "abc", "content": "rain"},
        {"role": "assistant", "content": "Rain."},
    ],
    "tools": TOOLS,
    "parallel_tool_calls": False,
}

# Records of every format that the targets named beside them hold whole, so that the way back gives the same.
HELD: list[tuple[Format, dict[str, Any], set[Format]]] = [
    (
        Format.CHAT,
        {"messages": [SYSTEM, USER, ANSWER], "id": 7},
        {Format.PROMPT_COMPLETION, Format.SHAREGPT, Format.ALPACA, Format.UNPAIRED},
    ),
    (
        Format.CHAT,
        {"messages": [USER, MASKED, USER, ANSWER]},
        {Format.PROMPT_COMPLETION, Format.UNPAIRED},
    ),
    (Format.CHAT, {"messages": [USER, ANSWER, USER, ANSWER]}, {Format.SHAREGPT, Format.ALPACA}),
    (Format.CHAT, TOOL_CHAT, {Format.PROMPT_COMPLETION, Format.SHAREGPT, Format.UNPAIRED}),
    (
        Format.CHAT,
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}, ANSWER]},
        {Format.PROMPT_COMPLETION, Format.UNPAIRED},
    ),
    (Format.CHAT, {"messages": [ANSWER]}, {Format.TEXT, Format.SHAREGPT, Format.PROMPT_COMPLETION}),
    (
        Format.PROMPT_COMPLETION,
        EXAMPLES[Format.PROMPT_COMPLETION],
        {Format.CHAT, Format.SHAREGPT, Format.ALPACA, Format.UNPAIRED},
    ),
    (Format.PROMPT_COMPLETION, {"prompt": [USER, ANSWER, USER], "completion": [ANSWER]}, {Format.CHAT}),
    (Format.TEXT, EXAMPLES[Format.TEXT] | {"id": 1}, {Format.CHAT, Format.PROMPT_COMPLETION, Format.SHAREGPT}),
    (
        Format.ALPACA,
        {"instruction": "say", "input": "hi", "output": "ho", "system": "S", "history": [["a", "b"]]},
        {Format.CHAT, Format.SHAREGPT},
    ),
    (Format.ALPACA, EXAMPLES[Format.ALPACA], {Format.CHAT, Format.PROMPT_COMPLETION, Format.SHAREGPT}),
    (Format.SHAREGPT, EXAMPLES[Format.SHAREGPT], {Format.CHAT, Format.PROMPT_COMPLETION, Format.ALPACA}),
    (
        Format.SHAREGPT,
        {
            "conversations": [
                {"from": "system", "value": "S"},
                {"from": "human", "value": "weather?"},
                {"from": "function_call", "value": '{"name": "look", "arguments": {"city": "Oslo"}}'},
                {"from": "observation", "value": "rain"},
                {"from": "gpt", "value": "Rain."},
            ],
            "tools": json.dumps(TOOLS),
        },
        {Format.CHAT, Format.PROMPT_COMPLETION},
    ),
    (
        Format.PREFERENCE,
        {
            "input": {"messages": [SYSTEM, USER], "tools": TOOLS, "parallel_tool_calls": True},
            "preferred_output": [ANSWER],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
            "id": 3,
        },
        {Format.TRL_PREFERENCE},
    ),
    (Format.TRL_PREFERENCE, EXAMPLES[Format.TRL_PREFERENCE], {Format.PREFERENCE}),
    (Format.UNPAIRED, EXAMPLES[Format.UNPAIRED], {Format.CHAT, Format.PROMPT_COMPLETION, Format.ALPACA}),
    (Format.PROMPT_ONLY, {"prompt": "hi", "answer": "hello"}, {Format.REINFORCEMENT}),
    (Format.REINFORCEMENT, {"messages": [SYSTEM, USER], "reference": "hello"}, {Format.PROMPT_ONLY}),
]


def told_as(fmt: Format) -> set[Format]:
    """As what a record of a format may be told: only keys for its grader set a reinforcement row apart from chat."""
    return {fmt, Format.CHAT} if fmt is Format.REINFORCEMENT else {fmt}


@pytest.mark.parametrize(
    ("source", "value", "target"),
    [(source, value, target) for source, value, targets in HELD for target in sorted(targets)],
)
def test_what_the_target_holds_comes_back_as_it_was(source: Format, value: dict[str, Any], target: Format) -> None:
    there = convert(value, source, target)
    assert there.lost == () and there.more == ()
    assert format_of(there.value) in told_as(target)
    back = convert(there.value, target, source)
    assert back.lost == () and back.value == value


@pytest.mark.parametrize("fmt", EXAMPLES)
def test_a_record_of_the_target_stays_as_it_is(fmt: Format) -> None:
    assert convert(EXAMPLES[fmt], fmt, fmt).value == EXAMPLES[fmt]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", TARGETS)
def test_every_two_formats_convert_or_say_why_not(source: Format, target: Format) -> None:
    """And what comes out is told as the target's format."""
    try:
        made = convert(EXAMPLES[source], source, target)
    except RecordError as error:
        assert error.why
    else:
        assert all(format_of(value) in told_as(target) for value in (made.value, *made.more))


def lost(value: dict[str, Any], source: Format, target: Format) -> str:
    return "; ".join(convert(value, source, target).lost)


@pytest.mark.parametrize(
    ("value", "source", "target", "named"),
    [
        ({"messages": [USER, ANSWER | {"weight": 0}]}, Format.CHAT, Format.SHAREGPT, "`messages[1].weight`"),
        ({"messages": [USER, ANSWER | {"weight": 0}]}, Format.CHAT, Format.ALPACA, "`messages[1].weight`"),
        ({"messages": [USER, ANSWER | {"weight": 0}]}, Format.CHAT, Format.PROMPT_COMPLETION, "`messages[1].weight`"),
        ({"messages": [USER | {"name": "Ann"}, ANSWER]}, Format.CHAT, Format.ALPACA, "`messages[0].name`"),
        ({"messages": [USER | {"name": "Ann"}, ANSWER]}, Format.CHAT, Format.SHAREGPT, "`messages[0].name`"),
        ({"messages": [USER, ANSWER, USER, ANSWER]}, Format.CHAT, Format.PROMPT_COMPLETION, "`messages[1]`"),
        ({"messages": [USER, ANSWER], "tools": TOOLS}, Format.CHAT, Format.ALPACA, "`tools`"),
        ({"messages": [USER, ANSWER], "tools": TOOLS}, Format.CHAT, Format.TEXT, "`tools`"),
        (
            {"messages": [USER, ANSWER], "parallel_tool_calls": True},
            Format.CHAT,
            Format.ALPACA,
            "`parallel_tool_calls`",
        ),
        ({"messages": [USER, ANSWER]}, Format.CHAT, Format.TEXT, "which messages are trained"),
        ({"messages": [USER, ANSWER]}, Format.CHAT, Format.PROMPT_ONLY, "`answer`"),
        ({"messages": [USER, ANSWER], "label": "good"}, Format.CHAT, Format.PROMPT_COMPLETION, "`label`"),
        ({"messages": [USER, ANSWER], "output": "x"}, Format.CHAT, Format.ALPACA, "`output`"),
        (
            {"messages": [{"role": "developer", "content": "x"}, USER, ANSWER]},
            Format.CHAT,
            Format.ALPACA,
            "`messages[0].role`",
        ),
        (EXAMPLES[Format.PROMPT_COMPLETION], Format.PROMPT_COMPLETION, Format.TEXT, "where it begins"),
        (EXAMPLES[Format.PREFERENCE], Format.PREFERENCE, Format.CHAT, "`non_preferred_output`"),
        (EXAMPLES[Format.TRL_PREFERENCE], Format.TRL_PREFERENCE, Format.PROMPT_COMPLETION, "`rejected`"),
        (EXAMPLES[Format.TRL_PREFERENCE], Format.TRL_PREFERENCE, Format.PROMPT_ONLY, "`chosen`"),
        (EXAMPLES[Format.UNPAIRED], Format.UNPAIRED, Format.PROMPT_ONLY, "`label`"),
        (
            {"input": {"messages": [USER], "user": "me"}, "preferred_output": [], "non_preferred_output": []},
            Format.PREFERENCE,
            Format.TRL_PREFERENCE,
            "`input.user`",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}, ANSWER]},
            Format.CHAT,
            Format.SHAREGPT,
            "`messages[0].content[0]`",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": "wait", "tool_calls": [CALL]}]},
            Format.CHAT,
            Format.SHAREGPT,
            "`messages[1].content`",
        ),
    ],
)
def test_what_the_target_cannot_hold_is_named(
    value: dict[str, Any], source: Format, target: Format, named: str
) -> None:
    assert named in lost(value, source, target)


@pytest.mark.parametrize(
    ("value", "source", "target", "why"),
    [
        ({"messages": [USER]}, Format.CHAT, Format.PROMPT_COMPLETION, "has no answer"),
        ({"messages": []}, Format.CHAT, Format.SHAREGPT, "is empty"),
        (EXAMPLES[Format.REINFORCEMENT], Format.REINFORCEMENT, Format.CHAT, "has no answer"),
        (EXAMPLES[Format.PROMPT_ONLY], Format.PROMPT_ONLY, Format.ALPACA, "has no answer"),
        (EXAMPLES[Format.CHAT], Format.CHAT, Format.PREFERENCE, "a pair needs two"),
        (EXAMPLES[Format.TEXT], Format.TEXT, Format.TRL_PREFERENCE, "a pair needs two"),
        (EXAMPLES[Format.UNPAIRED] | {"label": False}, Format.UNPAIRED, Format.CHAT, "a bad one"),
        (EXAMPLES[Format.UNPAIRED] | {"label": "no"}, Format.UNPAIRED, Format.CHAT, "not true or false"),
        (TOOL_CHAT, Format.CHAT, Format.ALPACA, "alpaca has no tool calls"),
        ({"messages": [USER, USER, ANSWER]}, Format.CHAT, Format.ALPACA, "in turn"),
        ({"text": 3}, Format.TEXT, Format.CHAT, "not text"),
        ([], Format.CHAT, Format.TEXT, "not an object"),
        ({"x": 1}, Format.UNKNOWN, Format.CHAT, "no format that is known"),
        ({"messages": [{"role": "critic", "content": ""}]}, Format.CHAT, Format.SHAREGPT, "no word for"),
    ],
)
def test_what_cannot_be_converted_at_all_says_why(value: Any, source: Format, target: Format, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        convert(value, source, target)


def test_a_pair_becomes_two_unpaired_records_and_these_the_pair_again() -> None:
    """The preferred answer first; whichever comes first on the way back."""
    made = convert(EXAMPLES[Format.TRL_PREFERENCE], Format.TRL_PREFERENCE, Format.UNPAIRED)
    good = {"prompt": "hi", "completion": "hello", "label": True}
    bad = {"prompt": "hi", "completion": "no", "label": False}
    assert (made.value, made.more) == (good, (bad,))
    for halves in ((good, bad), (bad, good)):
        pair = pair_up(*halves, Format.TRL_PREFERENCE)
        assert pair is not None and pair.value == EXAMPLES[Format.TRL_PREFERENCE]
    assert pair_up(good, good, Format.TRL_PREFERENCE) is None
    assert pair_up(good, bad | {"prompt": "other"}, Format.TRL_PREFERENCE) is None


def test_earlier_answers_of_a_prompt_are_not_trained_in_chat() -> None:
    """Nobody trains a prompt; in chat every answer is, unless it says otherwise."""
    made = convert({"prompt": [USER, ANSWER, USER], "completion": [ANSWER]}, Format.PROMPT_COMPLETION, Format.CHAT)
    assert [message.get("weight") for message in made.value["messages"]] == [None, 0, None, None]


def test_a_conversation_without_an_answer_is_held_by_conversations() -> None:
    """Its extra keys too, although they then make a reinforcement row of it."""
    value = {"messages": [USER], "id": 1}
    there = convert(value, Format.CHAT, Format.SHAREGPT)
    back = convert(there.value, Format.SHAREGPT, Format.CHAT)
    assert (there.lost, back.lost, back.value) == ((), (), value)


def test_one_shape_for_a_file_can_be_asked_for() -> None:
    """Trainers refuse a column that is text in one record and a list in the next."""
    record = {"messages": [USER, ANSWER]}
    assert convert(record, Format.CHAT, Format.PROMPT_COMPLETION).value == {"prompt": "hi", "completion": "hello"}
    lists = {"prompt": [USER], "completion": [ANSWER]}
    assert convert(record, Format.CHAT, Format.PROMPT_COMPLETION, lists=True).value == lists
    text = EXAMPLES[Format.PROMPT_COMPLETION]
    assert convert(text, Format.PROMPT_COMPLETION, Format.PROMPT_COMPLETION, lists=True).value == lists


def test_messages_as_text_are_chatml() -> None:
    made = convert({"messages": [SYSTEM, USER, ANSWER]}, Format.CHAT, Format.TEXT)
    assert made.value["text"] == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\nhello<|im_end|>\n"
    )


def test_the_old_words_for_tools_are_read() -> None:
    old = {
        "messages": [USER, {"role": "assistant", "function_call": {"name": "look", "arguments": "{}"}}],
        "functions": [{"name": "look"}],
    }
    made = convert(old, Format.CHAT, Format.SHAREGPT)
    assert made.lost == ()
    assert made.value["conversations"][1] == {"from": "function_call", "value": '{"name": "look", "arguments": {}}'}
    assert json.loads(made.value["tools"]) == [{"type": "function", "function": {"name": "look"}}]


# Records of every format, made up.

words = st.text(st.characters(codec="utf-8"), max_size=6)
some_text = st.text("ab \n<>é", min_size=1, max_size=8)
extras = st.dictionaries(st.sampled_from(["id", "source", "métadata", "label", "text", "weight"]), words, max_size=2)
call_ids = st.sampled_from(["call_1", "call_2", "call_9", "x"])
arguments = st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | words, max_size=2).map(json.dumps)
function_calls = st.builds(
    lambda one, held: {"id": one, "type": "function", "function": {"name": "f", "arguments": held}}, call_ids, arguments
)
plain_messages = st.builds(
    lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant", "system"]), words
)
chat_messages = st.one_of(
    plain_messages,
    plain_messages,
    st.builds(lambda text, weight: {"role": "assistant", "content": text, "weight": weight}, words, st.just(0)),
    st.builds(
        lambda calls: {"role": "assistant", "content": None, "tool_calls": calls},
        st.lists(function_calls, min_size=1, max_size=2),
    ),
    st.builds(lambda one, text: {"role": "tool", "tool_call_id": one, "content": text}, call_ids, words),
    st.just({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}),
    st.just({"role": "developer", "content": "d", "name": "n"}),
)
answers = st.builds(lambda text: {"role": "assistant", "content": text}, words)
prompts = st.lists(plain_messages, min_size=1, max_size=3)
question_last = prompts.map(lambda messages: [*messages, USER])
tools = st.sampled_from([{}, {"tools": TOOLS}, {"tools": TOOLS, "parallel_tool_calls": True}])
turns = st.builds(
    lambda speaker, text: {"from": speaker, "value": text}, st.sampled_from(["human", "gpt", "system"]), words
)
gpt_turns = st.builds(lambda text: {"from": "gpt", "value": text}, words)
GENERATED: dict[Format, st.SearchStrategy[dict[str, Any]]] = {
    Format.CHAT: st.builds(
        lambda messages, tools, extra: {"messages": messages, **tools, **extra},
        st.builds(lambda turns, answer: [*turns, answer], st.lists(chat_messages, max_size=4), answers),
        tools,
        extras,
    ),
    Format.PROMPT_COMPLETION: st.builds(
        lambda texts, extra: {**texts, **extra},
        st.builds(lambda p, c: {"prompt": p, "completion": c}, some_text, words)
        | st.builds(
            lambda p, c, tools: {"prompt": p, "completion": [c], **tools},
            prompts.map(lambda messages: [*messages, USER]).filter(lambda messages: len(messages) > 1),
            answers,
            tools,
        ),
        extras.map(lambda extra: {key: item for key, item in extra.items() if key != "label"}),
    ),
    Format.TEXT: st.builds(lambda text, extra: {**extra, "text": text}, words, extras),
    Format.ALPACA: st.builds(
        lambda instruction, given, output, history, extra: {
            **extra,
            "instruction": instruction,
            "input": given,
            "output": output,
            **({"history": history} if history else {}),
        },
        some_text.filter(lambda text: "\n\n" not in text and not text.endswith("\n")),
        some_text.filter(lambda text: not text.startswith("\n")) | st.just(""),
        words,
        st.lists(st.tuples(words, words).map(list), max_size=2),
        extras,
    ),
    Format.SHAREGPT: st.builds(
        lambda turns, extra: {"conversations": turns, **extra},
        st.builds(lambda turns, answer: [*turns, answer], st.lists(turns, max_size=3), gpt_turns),
        extras,
    ),
    Format.PREFERENCE: st.builds(
        lambda prompt, good, bad, tools, extra: {
            "input": {"messages": prompt, **tools},
            "preferred_output": [good],
            "non_preferred_output": [bad],
            **extra,
        },
        prompts,
        answers,
        answers,
        tools,
        extras,
    ),
    Format.TRL_PREFERENCE: st.builds(
        lambda texts, extra: {**texts, **extra},
        st.builds(lambda p, c, r: {"prompt": p, "chosen": c, "rejected": r}, some_text, words, words)
        | st.builds(lambda p, c, r: {"prompt": p, "chosen": [c], "rejected": [r]}, question_last, answers, answers),
        extras,
    ),
    Format.UNPAIRED: st.builds(
        lambda p, c, label, extra: {**extra, "prompt": p, "completion": c, "label": label},
        some_text,
        words,
        st.booleans(),
        extras,
    ),
    Format.PROMPT_ONLY: st.builds(
        lambda prompt, extra: {"prompt": prompt, **extra},
        some_text | question_last,
        extras.map(lambda extra: {key: item for key, item in extra.items() if key != "text"}),
    ),
    Format.REINFORCEMENT: st.builds(
        lambda messages, extra: {"messages": messages, "reference": "r", **extra}, question_last, extras
    ),
}


def test_every_format_is_generated() -> None:
    """So that a new format cannot be forgotten below."""
    assert set(GENERATED) == set(TARGETS)


def meaning(value: Any) -> Any:
    """A record without differences that mean nothing: the order of keys, spaces in JSON, text or one plain message."""
    if isinstance(value, dict):
        meant = {key: meaning(item) for key, item in value.items()}
        for key, role in (("prompt", "user"), ("completion", "assistant"), ("chosen", "assistant")):
            if isinstance(value.get(key), str):
                meant[key] = [{"role": role, "content": value[key]}] if value[key] or role != "user" else []
        if isinstance(value.get("rejected"), str):
            meant["rejected"] = [{"role": "assistant", "content": value["rejected"]}]
        if isinstance(value.get("arguments"), str):
            meant["arguments"] = json.loads(value["arguments"])
        return meant
    return [meaning(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("source", TARGETS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_there_and_back_is_the_identity_where_nothing_was_named_as_lost(source: Format, data: st.DataObject) -> None:
    """For every target: whatever it does not name, it holds."""
    value = data.draw(GENERATED[source])
    before = json.dumps(value)
    for target in TARGETS:
        try:
            there = convert(value, source, target)
        except RecordError:
            continue
        assert json.dumps(value) == before, "the record itself was changed"
        if target is not source:
            assert all(format_of(one) in told_as(target) for one in (there.value, *there.more))
        if there.lost:
            continue
        if there.more:
            joined = pair_up(there.value, there.more[0], source)
            assert joined is not None
            back = joined
        else:
            back = convert(there.value, target, source)
        assert back.lost == (), target
        assert meaning(back.value) == meaning(value), target


roles = st.sampled_from(
    ["user", "assistant", "tool", "function", "system", "human", "gpt", "function_call", "observation"]
)
inner_keys = (
    "role content from value tool_calls function function_call name arguments id weight messages tools type text"
)
wild = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.text(max_size=3) | roles | st.just('{"name": "f"}'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(inner_keys.split()), inner, max_size=4),
    max_leaves=12,
)
outer_keys = (
    "messages prompt completion label text instruction input output system history tools conversations"
    " preferred_output non_preferred_output chosen rejected functions extra"
)
keys = st.sampled_from(outer_keys.split())


@given(st.dictionaries(keys, wild, max_size=6) | wild, st.sampled_from(TARGETS), st.sampled_from(TARGETS))
@settings(max_examples=400, deadline=None)
def test_whatever_stands_in_a_record_it_is_converted_or_refused_with_a_reason(
    value: Any, source: Format, target: Format
) -> None:
    """Never another error, and the record itself is left as it was."""
    before = json.dumps(value)
    try:
        made = convert(value, source, target, lists=True)
    except RecordError as error:
        assert error.why
    else:
        json.dumps([made.value, *made.more])
    assert json.dumps(value) == before
