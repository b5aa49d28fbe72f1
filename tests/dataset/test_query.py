"""The filter language: reading, printing, and that columns and bytes say what looking at each row says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.formats import Format
from workbench.dataset.query import Known, Query, QueryError, QueryRow, parse_query, select
from workbench.dataset.query.nodes import (
    KINDS,
    ROLES,
    SEVERITIES,
    And,
    Has,
    Label,
    Not,
    Number,
    Or,
    Regex,
    Role,
    Rule,
    Severity,
    Text,
)  # fmt: skip
from workbench.dataset.query.row import COMPARE
from workbench.dataset.rows import open_rows

# Reading ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", None),
        ("  ", None),
        ("tokens>4096", Number("tokens", ">", 4096)),
        ("turns >= 3", Number("turns", ">=", 3)),
        ("size>100k", Number("size", ">", 100_000)),
        ("size<1m", Number("size", "<", 1_000_000)),
        ("tokens:5", Number("tokens", "=", 5)),
        ("line:100-200", And((Number("line", ">=", 100), Number("line", "<=", 200)))),
        ("line:100-", Number("line", ">=", 100)),
        ("line:-200", Number("line", "<=", 200)),
        ("role:tool", Role("tool")),
        ("has:secret", Has("secret")),
        ("severity:error", Severity("error")),
        ("rule:M003", Rule("M003")),
        ("rule:unrecognized_role", Rule("unrecognized_role")),
        ("label:refund", Label("refund")),
        ('label:"not yet"', Label("not yet")),
        ("refund", Text("refund")),
        ('"literal \\"text\\"\\n"', Text('literal "text"\n')),
        ("/re(fund)?s?/i", Regex("re(fund)?s?", "i")),
        (r"/a\/b\d/", Regex(r"a/b\d")),
        ('user:"my order"', Text("my order", "user")),
        ("assistant:/sorry/i", Regex("sorry", "i", "assistant")),
        ("system:helpful", Text("helpful", "system")),
        ("a b", And((Text("a"), Text("b")))),
        ("a and b", And((Text("a"), Text("b")))),
        ("a b or c", Or((And((Text("a"), Text("b"))), Text("c")))),
        ("-a", Not(Text("a"))),
        ("not a", Not(Text("a"))),
        ("not (a or b)", Not(Or((Text("a"), Text("b"))))),
        ("(a or b) c", And((Or((Text("a"), Text("b"))), Text("c")))),
        ("nothing order oracle", And((Text("nothing"), Text("order"), Text("oracle")))),
        ("x=1", Text("x=1")),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, node: object) -> None:
    assert parse_query(text).node == node


@pytest.mark.parametrize(
    ("text", "column", "why", "hint"),
    [
        ("tokens>", 8, "a number is expected", "tokens>4096"),
        ("tokens>4x", 8, "a number is expected", "tokens>4096"),
        ("a role:wizard", 8, "no role 'wizard'", "system, user"),
        ("has:secrets", 5, "no kind 'secrets'", "did you mean secret?"),
        ("rule:M999", 6, "'M999' does not exist", "subjects are"),
        ("(a or b", 1, "never closed", "add a )"),
        ("a)", 2, "without an opening one", "quotes"),
        ('a "b', 3, "never closed", 'add a "'),
        ("/usr", 1, "regular expression is never closed", '"/'),
        ("/(/", 1, "no regular expression", "quotes"),
        ("/a/x", 1, "unknown flags 'x'", "i ignores case"),
        ("a or", 5, "missing at the end", "last word away"),
        ("or a", 1, "missing here", "in quotes"),
        ("tokns:5", 1, "no field 'tokns'", "did you mean tokens:?"),
        ("http://x", 1, "no field 'http'", "in quotes"),
        ("role>3", 1, "'role' is no number", "tokens, turns"),
        ('""', 1, "is empty", "between the quotes"),
        ("-" * 100, 52, "too many", "flatter"),
    ],
)
def test_an_error_points_at_its_column_and_says_the_way_out(text: str, column: int, why: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert caught.value.column == column
    assert why in caught.value.message
    assert hint in caught.value.hint


@settings(max_examples=300)
@given(st.text(alphabet="ab \"\\/()-:<>=.*[]orntk>1iµ'", max_size=30))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    """And a query is printed as one that means the same."""
    try:
        query = parse_query(text)
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1
        assert error.hint
    else:
        assert parse_query(str(query)) == query


NEEDLES = st.text(alphabet='aAkKsSéÉßσΣς"\\\n/\t<&😀 e1İ', min_size=1, max_size=3)
PATTERNS = st.sampled_from(
    [
        "a",
        "^a",
        "a$",
        "a.*é",
        "[^a]é",
        r"\ba",
        r"\d+",
        "a|é",
        "(?:a|b)K?s",
        "ka",
        r"\W",
        r"a\nb",
        "[[:alpha:]]{2}",
        "é+s",
    ]
)
LEAVES = st.one_of(
    st.builds(Number, st.sampled_from(("tokens", "turns", "size", "line")), st.sampled_from(sorted(COMPARE)),
              st.one_of(st.integers(0, 9), st.integers(80, 200))),
    st.builds(Role, st.sampled_from(sorted(ROLES))),
    st.builds(Has, st.sampled_from(sorted(KINDS))),
    st.builds(Severity, st.sampled_from(sorted(SEVERITIES))),
    st.builds(Rule, st.sampled_from(["M003", "M", "J001", "duplicate_record"])),
    st.builds(Label, NEEDLES),
    st.builds(Text, NEEDLES, st.sampled_from(["", "user", "assistant"])),
    st.builds(Regex, PATTERNS, st.sampled_from(["", "i", "s", "is"]), st.sampled_from(["", "user"])),
)  # fmt: skip
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


@settings(max_examples=200)
@given(NODES)
def test_printing_and_reading_again_is_the_same_query(node: object) -> None:
    assert parse_query(str(Query(node))).node == node


# One row ------------------------------------------------------------------------------------------------------------


def chat(*turns: tuple[str, str], **more: object) -> dict:
    return {"messages": [{"role": role, "content": text} for role, text in turns], **more}


CALL = {
    "messages": [
        {"role": "user", "content": [{"text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "content": "found"},
        {"role": "assistant", "content": "Refund", "weight": 0},
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("look", True),
        ("LOOK", True),
        ("find", True),
        ("content", False),
        ("image_url", False),
        ("has:image", True),
        ("has:tools", True),
        ("has:weight", True),
        ("role:tool", True),
        ("role:system", False),
        ("turns=4", True),
        ("user:look", True),
        ("assistant:look", False),
        ("assistant:find", True),
        ("label:refund", True),
        ("label:found", False),
        ("line=7", True),
        ("tokens>5", False),
        ("-tokens>5", True),
        ("has:broken", False),
    ],
)
def test_what_a_record_with_calls_fits(text: str, fits: bool) -> None:
    row = QueryRow(json.dumps(CALL).encode(), Format.CHAT, line=7)
    assert parse_query(text).matches(row) is fits


def test_both_answers_of_a_pair_are_the_assistants() -> None:
    pair = {"prompt": "question", "chosen": "good", "rejected": "worse"}
    row = QueryRow(json.dumps(pair).encode(), Format.TRL_PREFERENCE)
    assert parse_query("assistant:good assistant:worse user:question").matches(row)


def test_a_broken_row_is_searched_as_it_stands() -> None:
    row = QueryRow(b'{"messages": [ "role" oops', Format.CHAT)
    assert parse_query('has:broken "role" oops turns=0').matches(row)


def test_a_query_says_what_must_be_known() -> None:
    assert parse_query("tokens>5 or -rule:M003 has:secret").fields == {"tokens", "findings", "flags"}
    assert parse_query("turns>5 x").fields == set()


# Whole files --------------------------------------------------------------------------------------------------------

WORDS = st.text(alphabet='aAkKsSéÉßσΣςb"\\\n/\t<&😀 e1İ\ud83d', max_size=6)
RECORDS = st.one_of(
    st.just(CALL),
    st.just({**CALL, "tools": [], "functions": [{"name": "a"}]}),
    st.builds(
        lambda turns: {"messages": [{"role": role, "content": text} for role, text in turns]},
        st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool", "human"]), WORDS), max_size=4),
    ),
    st.builds(lambda text, number: {"messages": [], text: number, "note": text}, WORDS, st.integers(0, 200)),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """One line of a file: JSON in any of several writings, or something broken."""
    value = draw(RECORDS)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    match draw(st.integers(0, 5)):
        case 0:
            text = text.replace("a", "\\u0061").replace("/", "\\/")
        case 1:
            text = text.replace("<", "\\u003c").replace("\\u00e9", "\\u00E9")
        case 2:
            text = text[: len(text) // 2] or "x"
        case 3:
            text += "\r"
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=250)
@given(st.lists(lines(), min_size=1, max_size=6), st.lists(NODES, min_size=1, max_size=4), st.data())
def test_columns_and_bytes_say_what_every_row_says(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], nodes: list, data: st.DataObject
) -> None:
    """With an analysis of all rows, of some, and without."""
    path = tmp_path_factory.mktemp("query") / "data.jsonl"
    blank = data.draw(st.sampled_from([b"", b"\n", b" \n\n"]))
    path.write_bytes(blank + b"".join(line + b"\n" + blank for line in content))
    with open_rows(path) as rows:
        known = data.draw(st.sampled_from([True, False])) and _known(rows, data)
        for node in nodes:
            query = Query(node)
            found = [row for part in select(query, rows, Format.CHAT, known or None) for row in part.rows.tolist()]
            assert found == [row for row in range(len(rows)) if query.matches(_row(rows, row, known))], str(query)


def _known(rows, data: st.DataObject) -> Known:
    count = len(rows)
    plain = [QueryRow(rows.raw(row), Format.CHAT) for row in range(count)]
    codes = [frozenset(data.draw(st.sampled_from([(), ("M003",), ("D001", "M003")]))) for _ in range(count)]
    flags = [data.draw(st.integers(0, 7)) | 8 * row.broken for row in plain]
    return Known(
        seen=np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count))),
        turns=np.array([row.turns for row in plain], np.uint16),
        roles=np.array([row.roles for row in plain], np.uint8),
        tokens=np.array(data.draw(st.lists(st.integers(-1, 9), min_size=count, max_size=count)), np.int32),
        severity=np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), np.uint8),
        flags=np.array(flags, np.uint8),
        size=np.array([len(row.raw) for row in plain], np.int32),
        rows_with=lambda wanted: np.array([row for row in range(count) if codes[row] & set(wanted)], np.int64),
        codes_at=lambda row: codes[row],
    )


def _row(rows, row: int, known: Known | None) -> QueryRow:
    if not known or not known.seen[row]:
        return QueryRow(rows.raw(row), Format.CHAT, line=rows.line(row))
    return QueryRow(
        rows.raw(row),
        Format.CHAT,
        line=rows.line(row),
        tokens=int(known.tokens[row]),
        severity=int(known.severity[row]),
        flags=int(known.flags[row]),
        codes=known.codes_at(row),
    )


def test_a_json_array_is_searched_element_by_element(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([chat(("user", text)) for text in ("one", "two", "one more")], indent=1))
    with open_rows(path) as rows:
        assert [row for part in select(parse_query("one"), rows, Format.CHAT) for row in part.rows] == [0, 2]


def test_a_cancelled_selection_ends(tmp_path: Path) -> None:
    """Nobody waits for the rest: the file is not read to its end."""
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(chat(("user", f"number {n}"))) + "\n" for n in range(20_000)))
    with open_rows(path) as rows:
        asked = 0

        def cancelled() -> bool:
            nonlocal asked
            asked += 1
            return asked > 3

        assert (
            sum(part.looked_at for part in select(parse_query("user:number"), rows, Format.CHAT, cancelled=cancelled))
            == 0
        )
        assert asked == 4


@pytest.mark.parametrize(("raw", "query", "holds"), [
    (rb'{"text": "\\u0061ssist"}', "1s", False),
    (rb'{"text": "so\\nice"}', "nice", False),
    (rb'{"text": "so nice"}', "nice", True),
])  # fmt: skip
def test_an_escape_that_looks_like_the_text_is_not_it(tmp_path: Path, raw: bytes, query: str, holds: bool) -> None:
    """In the bytes of a row stands what its text does not hold."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(raw.replace(b"\\\\", b"\\") + b"\n")
    with open_rows(path) as rows:
        found = [int(row) for part in select(parse_query(query), rows, Format.TEXT) for row in part.rows]
    assert bool(found) is holds
