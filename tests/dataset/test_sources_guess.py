"""Guessed templates: the tutorials' data comes in as the tutorials say."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from workbench.dataset.formats import Format
from workbench.dataset.sources import (
    ColumnMapping,
    Placed,
    SourceRow,
    Unplaced,
    apply,
    check_columns,
    guess,
    open_source,
    parse_mapping,
    place_rows,
    read_mapping,
)
from workbench.dataset.sources.autotrain import mapping_of_autotrain
from workbench.dataset.sources.mapping import check_shape, dump_mapping
from workbench.errors import WorkbenchError


def guessed(*rows: dict[str, object]) -> ColumnMapping:
    """The template guessed for these rows, which must fit them and survive being written."""
    found = guess(list(rows[0]), [SourceRow(number, None, row) for number, row in enumerate(rows, start=1)])
    assert found is not None
    assert found.reason
    check_shape(found.mapping)
    check_columns(found.mapping, list(rows[0]))
    assert parse_mapping(dump_mapping(found.mapping)) == found.mapping
    return found.mapping


def made(*rows: dict[str, object]) -> Any:
    """The record that the first of these rows becomes by the guessed template."""
    record = apply(guessed(*rows), SourceRow(1, None, rows[0]))
    assert not isinstance(record, Unplaced), record.reason
    return record


def contents(record: Any) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in record["messages"]]


def test_the_cookbooks_recipes_import_as_its_tutorial_says(tmp_path: Path) -> None:
    """Title and ingredients ask, NER answers, and the cookbook's system prompt stands before them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["", "title", "ingredients", "directions", "link", "source", "NER"])
    ingredients, named = '["1 c. brown sugar, packed", "1/2 c. milk"]', '["brown sugar", "milk"]'
    writer.writerow([0, "No-Bake Nut Cookies", ingredients, '["Mix.", "Cool."]', "www.x", "www.cookbooks.com", named])
    writer.writerow([1, "Jewell's Chicken", '["1 jar beef"]', '["Place."]', "www.y", "www.cookbooks.com", '["beef"]'])
    path = tmp_path / "recipes.csv"
    path.write_text(buffer.getvalue())
    source = open_source(path)
    found = guess([column.name for column in source.columns], source.sample)
    assert found is not None
    records = [one.value for one in place_rows(source, found.mapping) if isinstance(one, Placed)]
    assert len(records) == 2
    system = (
        "You are a helpful recipe assistant. "
        "You are to extract the generic ingredients from each of the recipes provided."
    )
    assert contents(records[0]) == [
        ("system", system),
        ("user", f"Title: No-Bake Nut Cookies\n\nIngredients: {ingredients}\n\nGeneric ingredients: "),
        ("assistant", named),
    ]


@pytest.mark.parametrize(
    ("question", "schema", "query"),
    [("question", "context", "answer"), ("sql_prompt", "sql_context", "sql"), ("question", "schema", "query"),
     ("instruction", "input", "response")],
)  # fmt: skip
def test_text_to_sql_puts_the_tables_into_the_system_prompt(
    tmp_path: Path, question: str, schema: str, query: str
) -> None:
    """The tutorials' data sets, under the names that each of them uses."""
    if (question, schema) == ("instruction", "input"):
        schema = "ddl"
    table = "CREATE TABLE head (age INTEGER)"
    row = {
        query: "SELECT COUNT(*) FROM head WHERE age > 56",
        question: "How many heads are older than 56?",
        schema: table,
    }
    path = tmp_path / "sql.parquet"
    parquet.write_table(pa.Table.from_pylist([row] * 3), path)
    source = open_source(path)
    found = guess([column.name for column in source.columns], source.sample)
    assert found is not None
    first = next(place_rows(source, found.mapping))
    assert isinstance(first, Placed)
    (system, prompt), user, answer = contents(first.value)
    assert system == "system"
    assert prompt.endswith(table)
    assert user == ("user", row[question])
    assert answer == ("assistant", row[query])


def test_questions_with_a_context_that_is_no_table_are_no_sql() -> None:
    mapping = guessed({"question": "who", "context": "some prose", "answer": "me"})
    assert [message.role for message in mapping.messages] == ["user", "assistant"]


def test_alpaca_rows_with_and_without_an_input() -> None:
    rows = ({"instruction": "Sum", "input": "1 2", "output": "3"}, {"instruction": "Joke", "input": "", "output": "ha"})
    mapping = guessed(*rows)
    first, second = (apply(mapping, SourceRow(1, None, row)) for row in rows)
    assert contents(first) == [("user", "Sum\n\n1 2"), ("assistant", "3")]
    assert contents(second) == [("user", "Joke"), ("assistant", "ha")]


@pytest.mark.parametrize(
    "cell",
    [
        [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
        json.dumps([{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]),
        repr([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]),
    ],
)
@pytest.mark.parametrize("name", ["conversations", "messages", "text"])
def test_columns_that_hold_conversations(name: str, cell: object) -> None:
    """`text` is AutoTrain's name for it."""
    assert contents(made({"id": "1", name: cell})) == [("user", "q"), ("assistant", "a")]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("prompt", "completion"), ("Question", "Answer"), ("instruction", "response"), ("input", "output")],
)
def test_what_is_asked_and_what_is_answered(asked: str, answered: str) -> None:
    assert contents(made({asked: "q", answered: "a", "id": "1"})) == [("user", "q"), ("assistant", "a")]


def test_a_system_column_stands_before_them_where_it_is_not_empty() -> None:
    assert contents(made({"system_prompt": "s", "prompt": "q", "response": "a"}))[0] == ("system", "s")
    assert len(contents(made({"system_prompt": "", "prompt": "q", "response": "a"}))) == 2


def test_pairs_in_trls_and_autotrains_words() -> None:
    expected = {"prompt": "q", "chosen": "a", "rejected": "b"}
    assert made({"prompt": "q", "chosen": "a", "rejected": "b"}) == expected
    assert made({"prompt": "q", "text": "a", "rejected_text": "b"}) == expected
    assert made({"text": "a", "rejected_text": "b"}) == {"chosen": "a", "rejected": "b"}
    listed = [repr([{"role": "user", "content": "q"}, {"role": "assistant", "content": answer}]) for answer in "ab"]
    assert made({"chosen": listed[0], "rejected": listed[1]}) == {
        "prompt": [{"role": "user", "content": "q"}],
        "chosen": [{"role": "assistant", "content": "a"}],
        "rejected": [{"role": "assistant", "content": "b"}],
    }


def test_labelled_answers_and_plain_text() -> None:
    assert made({"prompt": "q", "completion": "a", "label": "false"}) == {
        "prompt": "q",
        "completion": "a",
        "label": False,
    }
    assert made({"text": "all of it"}) == {"text": "all of it"}


def test_columns_of_no_known_shape_are_not_guessed_at() -> None:
    assert guess(["alpha", "beta"], [SourceRow(1, None, {"alpha": "x", "beta": "y"})]) is None


def test_one_row_a_message_is_recognised_by_its_words() -> None:
    rows = [
        {"Ticket": "7", "Datum": "24.12.2024 10:00", "Absender": "Kunde", "Nachricht": "Hallo"},
        {"Ticket": "7", "Datum": "24.12.2024 10:05", "Absender": "Agent", "Nachricht": "Guten Tag"},
    ]
    mapping = guessed(*rows)
    assert mapping.grouping is not None
    assert (mapping.grouping.conversation, mapping.grouping.order) == ("Ticket", "Datum")
    assert mapping.grouping.order_as == "%d.%m.%Y %H:%M"
    assert mapping.roles == {"kunde": "user", "agent": "assistant"}


# --- AutoTrain's own mappings -----------------------------------------------------------------------------------------


def test_autotrains_column_mappings_are_read() -> None:
    plain = mapping_of_autotrain("llm-sft", {"text_column": "body"})
    assert (plain.format, plain.text) == (Format.TEXT, "{body}")
    chat = mapping_of_autotrain("llm:sft", {"text_column": "body"}, chat_template="zephyr")
    assert (chat.format, chat.conversation) == (Format.CHAT, "body")
    pairs = {"text_column": "good", "rejected_text_column": "bad", "prompt_text_column": "ask"}
    for task in ("llm-dpo", "llm-orpo"):
        mapping = mapping_of_autotrain(task, pairs)
        assert apply(mapping, SourceRow(1, None, {"ask": "q", "good": "a", "bad": "b"})) == {
            "prompt": "q", "chosen": "a", "rejected": "b",
        }  # fmt: skip
    assert mapping_of_autotrain("llm-reward", {"rejected_text_column": "bad"}).chosen == "{text}"
    assert mapping_of_autotrain("llm-dpo", pairs, chat_template="chatml").parse == ("good", "bad")
    assert mapping_of_autotrain("llm-dpo", pairs, chat_template="none").parse == ()


def test_an_autotrain_config_is_a_template(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    text = "task: llm-orpo\ndata:\n  path: x\n  chat_template: chatml\n  column_mapping:\n    text_column: chosen\n"
    path.write_text(f"{text}    rejected_text_column: rejected\n    prompt_text_column: prompt\n")
    mapping = read_mapping(path)
    assert (mapping.chosen, mapping.rejected, mapping.prompt) == ("{chosen}", "{rejected}", "{prompt}")
    assert mapping.parse == ("chosen", "rejected")
    path.write_text(
        "task: llm\nparams: {trainer: sft}\ndata: {chat_template: null, column_mapping: {text_column: t}}\n"
    )
    assert read_mapping(path).text == "{t}"
    for text, words in (("a: [", "not YAML"), ("task: llm-sft", "no AutoTrain config"), ("- 1", "no AutoTrain config")):
        path.write_text(text)
        with pytest.raises(WorkbenchError, match=words):
            read_mapping(path)


@pytest.mark.parametrize(
    ("task", "columns", "words"),
    [
        ("image-classification", {}, "trains a chat model"),
        ("llm-sft", {"label_column": "x"}, "label_column"),
        ("llm-reward", {"text_column": "x"}, "rejected_text_column"),
        ("llm-dpo", {"text_column": "x", "rejected_text_column": "y"}, "prompt_text_column"),
    ],
)
def test_an_autotrain_mapping_that_cannot_be_is_told(task: str, columns: dict[str, str], words: str) -> None:
    with pytest.raises(WorkbenchError, match=words):
        mapping_of_autotrain(task, columns)
