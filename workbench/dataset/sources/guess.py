"""A template for columns of a well-known shape: a proposal to look at, never a decision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import Format
from workbench.dataset.sources.cells import NotAValue, is_empty, spelled
from workbench.dataset.sources.mapping import ColumnMapping, MessageTemplate
from workbench.dataset.sources.source import SourceRow
from workbench.dataset.sources.text_template import placeholder


@dataclass(frozen=True, slots=True)
class Guessed:
    """A template, and what it was recognised by."""

    mapping: ColumnMapping
    reason: str


RECIPE_SYSTEM = (
    "You are a helpful recipe assistant. You are to extract the generic ingredients from each of the recipes provided."
)
"""The system prompt of OpenAI's cookbook for its recipe CSV (seen in the tutorial How_to_finetune_chat_models)."""

SQL_SYSTEM = "Answer each question with one SQL query for a database with this schema:\n{schema}"
"""The schema stands in the system prompt, as the text-to-SQL tutorials put it; the placeholder is the column's."""

_SCHEMAS = ("context", "schema", "sql_context", "create_table", "ddl", "table_schema", "db_schema", "tables")
_QUESTIONS = ("question", "sql_prompt", "prompt", "instruction", "nl_question", "utterance", "input", "query")
_QUERIES = ("answer", "sql", "sql_query", "query", "target", "output", "response", "completion", "gold_sql")
_CREATE = re.compile(r"\bcreate\s+(?:table|view)\b", re.IGNORECASE)
_QUERY = re.compile(r"^\W*(?:select|insert|update|delete|with|create)\b", re.IGNORECASE)

# What is asked and what is answered, in the words that data sets use; the first that fits wins.
_ASKED_ANSWERED = (
    ("prompt", "completion"), ("prompt", "response"), ("prompt", "output"), ("prompt", "answer"),
    ("instruction", "response"), ("instruction", "output"), ("instruction", "answer"), ("instruction", "completion"),
    ("question", "answer"), ("question", "response"), ("query", "response"), ("query", "answer"), ("input", "output"),
    ("input", "target"), ("source", "target"), ("user", "assistant"), ("human", "assistant"), ("request", "reply"),
    ("anfrage", "antwort"), ("frage", "antwort"), ("pregunta", "respuesta"),
)  # fmt: skip
_CONVERSATIONS = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns", "text")


class Table:
    """Columns and first rows, looked up by names whatever their case and punctuation."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        self.columns = tuple(columns)
        self._rows = rows
        self._plain: dict[str, str] = {}
        for name in columns:
            self._plain.setdefault(_plain(name), name)

    def find(self, *names: str) -> str | None:
        """The column with the first of these names that there is."""
        return next((self._plain[name] for name in names if name in self._plain), None)

    def values(self, column: str) -> list[object]:
        """What the first rows have there, empty cells left out."""
        return [value for row in self._rows if not is_empty(value := row.get(column))]

    def most(self, column: str, pattern: re.Pattern[str]) -> bool:
        """Whether most values of a column are text in which `pattern` is found."""
        values = self.values(column)
        return bool(values) and sum(bool(pattern.search(str(value)[:2000])) for value in values) * 2 > len(values)

    def holds_messages(self, column: str) -> bool:
        """Whether most values are, or spell, lists of messages."""
        values = self.values(column)[:50]
        return bool(values) and sum(_is_messages(value) for value in values) * 2 > len(values)

    def spells(self, column: str) -> bool:
        """Whether the lists in a column are written as text."""
        return any(isinstance(value, str) for value in self.values(column)[:50])


def _plain(name: str) -> str:
    return re.sub(r"[^\w]+", "_", name.strip().casefold()).strip("_")


def _is_messages(value: object) -> bool:
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return False
    try:
        found = spelled(value)
    except NotAValue:
        return False
    if not isinstance(found, list) or not found:
        return False
    return all(isinstance(item, Mapping) and ({"role", "content"} <= item.keys() or {"from", "value"} <= item.keys())
               for item in found)  # fmt: skip


def guess(columns: Sequence[str], rows: Sequence[SourceRow]) -> Guessed | None:
    """A template for these columns and first rows, or None if they have no shape that is known."""
    from workbench.dataset.sources.guess_grouping import guess_grouping

    table = Table(columns, [row.values for row in rows if row.problem is None])
    for one in (_pairs, _ready, guess_grouping, _recipe, _sql, _unpaired, _alpaca, _asked, _plain_text):
        found = one(table)
        if found is not None:
            return found
    return None


def _pairs(table: Table) -> Guessed | None:
    """Two answers: TRL's names, OpenAI's, or AutoTrain's."""
    wanted, other = (
        table.find("chosen", "preferred", "preferred_output"),
        table.find("rejected", "non_preferred", "non_preferred_output"),
    )
    autotrain = table.find("rejected_text")
    if autotrain is not None and other is None:
        wanted, other = table.find("text", "chosen_text"), autotrain
    if wanted is None or other is None:
        return None
    prompt = table.find("prompt", "question", "instruction", "input")
    listed = [name for name in (wanted, other) if table.holds_messages(name)]
    data: dict[str, Any] = {
        "format": Format.TRL_PREFERENCE,
        "chosen": placeholder(wanted),
        "rejected": placeholder(other),
    }
    if prompt is not None:
        data["prompt"] = placeholder(prompt)
        listed += [prompt] if table.holds_messages(prompt) else []
    data["parse"] = tuple(name for name in listed if table.spells(name))
    return Guessed(ColumnMapping(**data), f"{_listed(wanted, other)} hold two answers")


def _ready(table: Table) -> Guessed | None:
    """A column that holds whole conversations."""
    column = next((name for one in _CONVERSATIONS if (name := table.find(one)) and table.holds_messages(name)), None)
    if column is None:
        return None
    tools = table.find("tools")
    system = table.find("system", "system_prompt")
    keep = tuple(name for name in ("parallel_tool_calls",) if name in table.columns)
    mapping = ColumnMapping(conversation=column, tools=tools, keep=keep)
    also = f" (column {system!r} is left out)" if system else ""
    return Guessed(mapping, f"column {column!r} holds lists of messages{also}")


def _recipe(table: Table) -> Guessed | None:
    """The recipe CSV of OpenAI's cookbook, with the cookbook's prompts."""
    title, ingredients, answer = table.find("title"), table.find("ingredients"), table.find("ner")
    if title is None or ingredients is None or answer is None:
        return None
    question = f"Title: {placeholder(title)}\n\nIngredients: {placeholder(ingredients)}\n\nGeneric ingredients: "
    turns = (MessageTemplate(role="user", text=question), MessageTemplate(role="assistant", text=placeholder(answer)))
    return Guessed(
        ColumnMapping(system=RECIPE_SYSTEM, messages=turns), f"{_listed(title, ingredients, answer)}: the recipe data"
    )


def _sql(table: Table) -> Guessed | None:
    """Text-to-SQL: a question, the tables, and the query."""
    schema = table.find(*_SCHEMAS)
    if schema is None or not table.most(schema, _CREATE):
        return None
    query = next((name for one in _QUERIES if (name := table.find(one)) and table.most(name, _QUERY)), None)
    question = next((name for one in _QUESTIONS if (name := table.find(one)) and name not in (schema, query)), None)
    if query is None or question is None:
        return None
    turns = (
        MessageTemplate(role="system", text=SQL_SYSTEM.replace("{schema}", placeholder(schema))),
        MessageTemplate(role="user", text=placeholder(question)),
        MessageTemplate(role="assistant", text=placeholder(query)),
    )
    return Guessed(ColumnMapping(messages=turns), f"{_listed(question, schema, query)}: text to SQL")


def _unpaired(table: Table) -> Guessed | None:
    prompt, completion, label = table.find("prompt"), table.find("completion", "response"), table.find("label")
    if prompt is None or completion is None or label is None:
        return None
    mapping = ColumnMapping(
        format=Format.UNPAIRED, prompt=placeholder(prompt), completion=placeholder(completion), label=label
    )
    return Guessed(mapping, f"{_listed(prompt, completion, label)}: answers that are good or not")


def _alpaca(table: Table) -> Guessed | None:
    """An instruction with an input that may be empty."""
    instruction, given = table.find("instruction"), table.find("input")
    output = table.find("output", "response", "answer")
    if instruction is None or given is None or output is None:
        return None
    both = f"{placeholder(instruction)}\n\n{placeholder(given)}"
    turns = (
        MessageTemplate(role="user", text=both, when=given),
        MessageTemplate(role="user", text=placeholder(instruction), unless=given),
        MessageTemplate(role="assistant", text=placeholder(output)),
    )
    return Guessed(_with_system(table, turns), f"{_listed(instruction, given, output)}, as Alpaca has them")


def _asked(table: Table) -> Guessed | None:
    """Two columns, one asked and one answered."""
    for asked, answered in _ASKED_ANSWERED:
        question, answer = table.find(asked), table.find(answered)
        if question is None or answer is None:
            continue
        turns = (
            MessageTemplate(role="user", text=placeholder(question)),
            MessageTemplate(role="assistant", text=placeholder(answer)),
        )
        return Guessed(_with_system(table, turns), f"{_listed(question, answer)}: what is asked and what is answered")
    return None


def _with_system(table: Table, turns: tuple[MessageTemplate, ...]) -> ColumnMapping:
    system = table.find("system", "system_prompt", "system_message")
    if system is None:
        return ColumnMapping(messages=turns)
    first = MessageTemplate(role="system", text=placeholder(system), when=system)
    return ColumnMapping(messages=(first, *turns))


def _plain_text(table: Table) -> Guessed | None:
    text = table.find("text")
    if text is None or not table.values(text):
        return None
    return Guessed(ColumnMapping(format=Format.TEXT, text=placeholder(text)), f"column {text!r} holds plain text")


def _listed(*names: str) -> str:
    return "columns " + ", ".join(repr(name) for name in names)
