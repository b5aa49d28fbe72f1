"""Templates: columns to records of any format, errors with the line, every row accounted for."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.formats import Format, format_of
from workbench.dataset.sources import (
    ColumnMapping,
    SourceRow,
    Unplaced,
    apply,
    check_columns,
    dump_mapping,
    parse_mapping,
    read_mapping,
)
from workbench.dataset.sources.mapping import KEYS
from workbench.dataset.sources.text_template import TemplateError, fill, literal, names_in, parse_text, placeholder
from workbench.errors import WorkbenchError

CHAT = """
[[messages]]
role = "user"
text = "Q: {question}"

[[messages]]
role = "assistant"
text = "{answer}"
"""


def made(toml: str, **values: object) -> dict[str, Any] | str:
    """The record that a template makes of these values, or the reason why there is none."""
    record = apply(parse_mapping(toml), SourceRow(1, 2, values))
    return record.reason if isinstance(record, Unplaced) else record


def told(toml: str) -> str:
    with pytest.raises(WorkbenchError) as caught:
        parse_mapping(toml, "t.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- text with columns ------------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.text(max_size=8), names), max_size=4), st.text(max_size=8))
def test_any_text_and_any_column_name_can_be_written(pieces: list[tuple[str, str]], end: str) -> None:
    """Braces are doubled, a name with braces is quoted; what comes out is what was meant."""
    values = {name: f"<{index}>" for index, (_, name) in enumerate(pieces)}
    text = "".join(literal(before) + placeholder(name) for before, name in pieces) + literal(end)
    expected = "".join(before + values[name] for before, name in pieces) + end
    assert fill(text, values) == (expected, ())
    assert names_in(text) == tuple(dict.fromkeys(name for _, name in pieces))


@pytest.mark.parametrize("text", ["{", "a}", "{}", "{ }", "{a", "{a{b}"])
def test_a_stray_brace_is_told(text: str) -> None:
    with pytest.raises(TemplateError, match="brace itself is written"):
        parse_text(text)


def test_what_lies_inside_a_column_is_reached_by_dots() -> None:
    values: dict[str, object] = {"answers": {"text": ["a", "b"]}, "x.y": "own"}
    assert fill("{answers.text.1}{x.y}", values) == ("bown", ())
    assert fill("{answers.text.7}{answers.none}{gone.x}", values)[0] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (float("nan"), ""), (3, "3"), (True, "true"), (Decimal("1.50"), "1.50"), (["a", 1], '["a", 1]')],
)
def test_cells_that_are_no_text_are_written_as_json_or_iso(value: object, text: str) -> None:
    assert fill("{a}", {"a": value})[0] == text


# --- records ----------------------------------------------------------------------------------------------------------


def test_columns_become_messages() -> None:
    assert made(CHAT, question="why", answer="so") == {
        "messages": [{"role": "user", "content": "Q: why"}, {"role": "assistant", "content": "so"}]
    }


def test_a_message_that_would_be_empty_lists_the_row() -> None:
    assert made(CHAT, question="why", answer="  ") == "the assistant message would be empty: column 'answer' is empty"


def test_a_row_with_a_problem_is_listed_with_it() -> None:
    found = apply(parse_mapping(CHAT), SourceRow(4, 9, {"question": "a", "answer": "b"}, "has 3 cells"))
    assert found == Unplaced(4, 9, "has 3 cells")


def test_conditions_choose_messages() -> None:
    toml = """
    [[messages]]
    role = "system"
    text = "{context}"
    when = "context"
    [[messages]]
    role = "user"
    text = "{question}"
    [[messages]]
    role = "user"
    text = "no context"
    unless = "context"
    """
    with_context = made(toml, context="c", question="q")
    without = made(toml, context=" ", question="q")
    assert isinstance(with_context, dict)
    assert isinstance(without, dict)
    assert [message["content"] for message in with_context["messages"]] == ["c", "q"]
    assert [message["content"] for message in without["messages"]] == ["q", "no context"]


def test_a_weight_says_what_is_trained() -> None:
    record = made(CHAT + "weight = 0\n", question="q", answer="a")
    assert isinstance(record, dict)
    assert record["messages"][1] == {"role": "assistant", "content": "a", "weight": 0}


def test_the_system_prompt_is_constant_braces_and_all() -> None:
    record = made('system = "Answer as {json}"\n' + CHAT, question="q", answer="a")
    assert isinstance(record, dict)
    assert record["messages"][0] == {"role": "system", "content": "Answer as {json}"}


READY = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "tool_calls": None}]


@pytest.mark.parametrize("cell", [READY, json.dumps(READY), repr(READY)])
def test_ready_messages_are_read_from_lists_json_and_python_literals(cell: object) -> None:
    """AutoTrain and pandas write the last; tables add null keys to every message."""
    assert made('conversation = "chat"', chat=cell) == {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    }


def test_ready_messages_in_sharegpts_words_and_by_own_roles() -> None:
    turns = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    expected = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    assert made('conversation = "c"', c=turns) == expected
    odd = [{"role": "Kunde", "content": "q"}, {"role": "Bot-7", "content": "a"}, {"role": "log", "content": "x"}]
    toml = 'conversation = "c"\n[roles]\nkunde = "user"\n"bot*" = "assistant"\nlog = "skip"\n'
    assert made(toml, c=odd) == expected
    assert "unknown author 'Kunde'" in str(made('conversation = "c"', c=odd))


def test_a_system_prompt_of_the_record_wins_over_the_constant() -> None:
    own = [{"role": "system", "content": "own"}, *READY]
    record = made('system = "constant"\nconversation = "c"', c=own)
    other = made('system = "constant"\nconversation = "c"', c=READY)
    assert isinstance(record, dict)
    assert isinstance(other, dict)
    assert [message["content"] for message in record["messages"]] == ["own", "q", "a"]
    assert [message["content"] for message in other["messages"]] == ["constant", "q", "a"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("", "is empty"),
        ("hello", "neither JSON"),
        ("[1]", "message 1 is a number"),
        ("{}", "not a list"),
        ('[{"content": "x"}]', "unknown author None"),
        ("[" * 100_000, "neither JSON"),
    ],
)
def test_a_cell_that_holds_no_messages_is_listed(cell: str, words: str) -> None:
    assert words in str(made('conversation = "c"', c=cell))


def test_tools_come_from_their_column() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": None}}]
    toml = 'conversation = "c"\ntools = "t"'
    expected = [{"type": "function", "function": {"name": "f"}}]
    for cell in (tools, json.dumps(tools)):
        record = made(toml, c=READY, t=cell)
        assert isinstance(record, dict)
        assert record["tools"] == expected
    empty = made(toml, c=READY, t="")
    assert isinstance(empty, dict)
    assert "tools" not in empty
    assert "not a list of tools" in str(made(toml, c=READY, t="{}"))


def test_columns_can_be_kept() -> None:
    record = made('keep = ["id"]\n' + CHAT, question="q", answer="a", id=7)
    assert isinstance(record, dict)
    assert record["id"] == 7


def test_what_json_cannot_hold_is_listed() -> None:
    assert "no place in JSON" in str(made('keep = ["id"]\n' + CHAT, question="q", answer="a", id=b"\x00"))


RECORDS: list[tuple[str, str, dict[str, object], dict[str, object]]] = [
    (
        "prompt-completion", 'prompt = "{q}"\ncompletion = "{a}"', {"q": "why", "a": "so"},
        {"prompt": "why", "completion": "so"},
    ),
    (
        "prompt-completion", 'system = "s"\ncompletion = "{a}"\n[[messages]]\nrole = "user"\ntext = "{q}"',
        {"q": "why", "a": "so"},
        {
            "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "why"}],
            "completion": [{"role": "assistant", "content": "so"}],
        },
    ),
    ("prompt-only", 'prompt = "{q}"', {"q": "why"}, {"prompt": "why"}),
    ("text", 'text = "{q} {{x}}"', {"q": "why"}, {"text": "why {x}"}),
    (
        "alpaca", 'system = "s"\ninstruction = "{q}"\ninput = "{i}"\noutput = "{a}"', {"q": "do", "i": "", "a": "so"},
        {"system": "s", "instruction": "do", "input": "", "output": "so"},
    ),
    (
        "sharegpt", 'conversation = "c"', {"c": READY},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    ),
    (
        "trl-preference", 'prompt = "{q}"\nchosen = "{a}"\nrejected = "{b}"', {"q": "why", "a": "so", "b": "no"},
        {"prompt": "why", "chosen": "so", "rejected": "no"},
    ),
    (
        "trl-preference", 'chosen = "{a}"\nrejected = "{b}"', {"a": "so", "b": "no"},
        {"chosen": "so", "rejected": "no"},
    ),
    (
        "preference", 'system = "s"\nprompt = "{q}"\nchosen = "{a}"\nrejected = "{b}"',
        {"q": "why", "a": "so", "b": "no"},
        {
            "input": {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "why"}]},
            "preferred_output": [{"role": "assistant", "content": "so"}],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        },
    ),
    (
        "trl-preference", 'parse = ["a", "b"]\nprompt = "{q}"\nchosen = "{a}"\nrejected = "{b}"',
        {"q": "ignored", "a": repr(READY), "b": repr([READY[0], {"role": "assistant", "content": "b"}])},
        {
            "prompt": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "assistant", "content": "a"}],
            "rejected": [{"role": "assistant", "content": "b"}],
        },
    ),
    (
        "unpaired", 'prompt = "{q}"\ncompletion = "{a}"\nlabel = "l"', {"q": "why", "a": "so", "l": "Yes"},
        {"prompt": "why", "completion": "so", "label": True},
    ),
    (
        "unpaired", 'prompt = "{q}"\ncompletion = "{a}"\nlabel = "l"\npositive = ["4", "5"]',
        {"q": "why", "a": "so", "l": 3},
        {"prompt": "why", "completion": "so", "label": False},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fmt", "toml", "values", "expected"), RECORDS)
def test_every_format_is_made_and_is_what_it_says(
    fmt: str, toml: str, values: dict[str, object], expected: dict[str, object]
) -> None:
    record = made(f'format = "{fmt}"\n{toml}', **values)
    assert record == expected
    assert format_of(record) == fmt


def test_every_format_that_has_keys_is_tested() -> None:
    assert {Format(fmt) for fmt, *_ in RECORDS} | {Format.CHAT} == set(KEYS)


@pytest.mark.parametrize("label", ["", "maybe"])
def test_a_label_that_says_neither_is_listed(label: str) -> None:
    toml = 'format = "unpaired"\nprompt = "{q}"\ncompletion = "{a}"\nlabel = "l"'
    assert "'l'" in str(made(toml, q="q", a="a", l=label))


# --- the document -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", "says nowhere what the messages are"),
        ("x = ", "t.toml: is not TOML"),
        ("messages = 3", "t.toml, line 1"),
        ('format = "chatt"\n' + CHAT, "t.toml, line 1: 'format'"),
        ("\nfromat = 'chat'\n" + CHAT, "t.toml, line 2: there is no key 'fromat' here; did you mean 'format'?"),
        (CHAT + "wieght = 1\n", "t.toml, line 9: there is no key 'wieght' here; did you mean 'weight'?"),
        (CHAT.replace('role = "assistant"', 'role = "gpt"'), "t.toml, line 7: 'role'"),
        (CHAT.replace("{answer}", "{answer"), "t.toml, line 8: the brace at character 1 is never closed"),
        (CHAT.replace("Q: {question}", "Q} {question}"), "t.toml, line 4: a closing brace stands alone"),
        (CHAT + 'weight = 2\n', "t.toml, line 9"),
        (CHAT.replace('text = "Q', 'weight = 1\ntext = "Q'), "t.toml, line 4: a user message is never trained"),
        ('chosen = "{a}"\n' + CHAT, "t.toml, line 1: the format chat does not take `chosen`"),
        ('conversation = "c"\n' + CHAT, "t.toml, line 1: has both `messages` and `conversation`"),
        ('format = "preference"\nchosen = "{a}"', "t.toml, line 1: the format preference needs `rejected`"),
        ('format = "unpaired"\nlabel = "l"\ncompletion = "{c}"', "needs `prompt`"),
        ('format = "reinforcement"', "t.toml, line 1: no template makes the format reinforcement"),
        ('conversation = "c"\n[roles]\na = "boss"', "t.toml, line 3: 'boss' is no role"),
        (CHAT + '[roles]\na = "user"', "t.toml, line 9: does nothing beside [[messages]]"),
        ('format = "prompt-completion"\nsystem = "s"\nprompt = "{a}"\ncompletion = "{b}"', "line 2: a prompt that"),
        ('[grouping]\nconversation = "c"\nauthor = "a"\ntext = "{t}"', "t.toml, line 1: nobody says which author"),
        ('[grouping]\nconversation = "c"\nauthor = "a"', "'text' is missing"),
        ('format = "sharegpt"\n[roles]\na = "user"\n[grouping]\nconversation = "c"\nauthor = "a"\ntext = "{t}"\n'
         'train = "last"', "t.toml, line 8: ShareGPT cannot say"),
        ('keep = ["x"]\n[roles]\na = "user"\n[grouping]\nconversation = "c"\nauthor = "a"\ntext = "{t}"',
         "t.toml, line 1: does nothing beside [grouping]"),
    ],
)  # fmt: skip
def test_a_faulty_template_is_told_with_its_line(toml: str, words: str) -> None:
    assert words in told(toml)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    mapping = parse_mapping(CHAT + 'when = "contxt"\n', "t.toml")
    with pytest.raises(WorkbenchError) as caught:
        check_columns(mapping, ["question", "answer", "context"])
    words = str(caught.value)
    assert "t.toml, line 9: there is no column 'contxt'" in words
    assert "question, answer, context" in words
    assert "did you mean 'context'?" in words


@pytest.mark.parametrize(
    "toml",
    [
        CHAT.replace("{answer}", "{x}"), CHAT + 'unless = "x"', 'conversation = "x"', 'conversation = "c"\ntools = "x"',
        'keep = ["x"]\n' + CHAT, 'parse = ["x"]\n' + CHAT,
        'format = "unpaired"\nprompt = "{c}"\ncompletion = "{c}"\nlabel = "x"', 'format = "text"\ntext = "{x.y}"',
        *(f'[roles]\na = "user"\n[grouping]\nconversation = "{a}"\nauthor = "{b}"\ntext = "{{{c}}}"\norder = "{d}"'
          for a, b, c, d in ("xccc", "cxcc", "ccxc", "cccx")),
    ],
)  # fmt: skip
def test_every_place_that_names_a_column_is_checked(toml: str) -> None:
    with pytest.raises(WorkbenchError, match="no column 'x"):
        check_columns(parse_mapping(toml), ["question", "answer", "c"])


@pytest.mark.parametrize(
    "toml",
    [
        *(f'format = "{fmt}"\n{toml}' for fmt, toml, _, _ in RECORDS),
        CHAT + 'weight = 0\nwhen = "x"\n[source]\ndelimiter = "\\t"\nheader = false\n',
        'system = "a\\nb \\"c\\""\n[roles]\n"*@x.de" = "assistant"\n"*" = "user"\n[grouping]\nconversation = "c"\n'
        'author = "a"\ntext = "{t}"\nmerge = false\ntrain = ["ann"]\n',
    ],
)
def test_a_template_survives_being_written(toml: str) -> None:
    mapping = parse_mapping(toml)
    assert parse_mapping(dump_mapping(mapping)) == mapping


def test_a_written_template_has_a_table_for_each_message() -> None:
    assert dump_mapping(parse_mapping(CHAT)).count("[[messages]]") == 2


def test_templates_are_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text("\ufeff" + CHAT)
    assert read_mapping(path) == parse_mapping(CHAT)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorkbenchError, match="not UTF-8"):
        read_mapping(path)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        read_mapping(tmp_path)
    with pytest.raises(WorkbenchError, match="no such file"):
        read_mapping(tmp_path / "none.toml")


def test_a_line_is_found_behind_text_of_several_lines() -> None:
    toml = (
        '[[messages]]\nrole = "user"\ntext = """\nrole = "x"\n{q}\n"""\n[[messages]]\nrole = "assistant"\ntext = "{a"\n'
    )
    assert "t.toml, line 9" in told(toml)


def test_a_mapping_made_in_code_is_checked_too() -> None:
    from workbench.dataset.sources.mapping import check_shape

    with pytest.raises(WorkbenchError, match="template, format: the format preference needs"):
        check_shape(ColumnMapping(format=Format.PREFERENCE, chosen="{a}"))
