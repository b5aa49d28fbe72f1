"""CSV and TSV: what is sniffed is told, and every row comes out or is listed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.sources import Source, SourceOptions, open_source
from workbench.errors import WorkbenchError


def opened(folder: Path, data: bytes, name: str = "table.csv", **options: object) -> Source:
    path = folder / name
    path.write_bytes(data)
    return open_source(path, SourceOptions.model_validate(options))


def facts(source: Source) -> dict[str, str]:
    return {fact.what: fact.value for fact in source.described}


def cells(source: Source) -> list[list[object]]:
    return [list(row.values.values()) for row in source.rows()]


text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x1f"), max_size=12)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(text, min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=60)
@given(tables, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
def test_any_cells_survive(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], delimiter: str, encoding: str, crlf: bool
) -> None:
    """Line breaks, quotes, delimiters, any Unicode: what a writer quotes, the reader gives back."""
    buffer = io.StringIO(newline="")
    width = len(table[0])
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n" if crlf else "\n")
    writer.writerow([f"name {at}" for at in range(width)])
    writer.writerows(table)
    data = buffer.getvalue().encode(encoding)
    source = opened(tmp_path_factory.mktemp("csv"), data, delimiter=delimiter, header=True, encoding=encoding)
    assert cells(source) == table
    assert [row.problem for row in source.rows()] == [None] * len(table)
    assert [row.number for row in source.rows()] == list(range(1, len(table) + 1))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_rows(tmp_path: Path, delimiter: str) -> None:
    """A comma in German prose does not make a comma table."""
    rows = [["id", "text"], ["a", "eins, zwei"], ["b", "drei; vier"], ["c", "x"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    source = opened(tmp_path, buffer.getvalue().encode())
    assert [column.name for column in source.columns] == ["id", "text"]
    assert cells(source) == rows[1:]
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    assert facts(source)["delimiter"] == names[delimiter]
    assert source.kind == ("tsv" if delimiter == "\t" else "csv")


@pytest.mark.parametrize(
    ("encoding", "words", "told"),
    [
        ("utf-8", "Grüße aus Köln – schön", "UTF-8"),
        ("utf-8-sig", "Grüße aus Köln – schön", "UTF-8"),
        ("utf-16", "Grüße aus Köln – schön", "UTF-16"),
        ("utf-16-le", "Grüße aus Köln – schön", "UTF-16LE"),
        ("cp1252", "Grüße aus Köln – „schön“, 5 €", "cp1252"),
        ("cp1252", "Où êtes-vous allés l’été dernier ?", "cp1252"),
        ("cp1251", "Здравствуйте, где мой заказ? Он должен был прийти вчера", "cp1251"),
        ("cp1250", "Gdzie jest moje zamówienie? Miało przyjść wczoraj, proszę o odpowiedź", "cp1250"),
        ("shift_jis", "注文した商品がまだ届いていません。いつ届きますか。", "shift_jis"),
    ],
)
def test_the_encoding_is_told_with_the_reason(tmp_path: Path, encoding: str, words: str, told: str) -> None:
    """By its mark, by its zeros, by being valid, or as the code page that fits."""
    lines = ["id;text", *(f"{number};{words}" for number in range(20))]
    source = opened(tmp_path, "\n".join(lines).encode(encoding))
    assert facts(source)["encoding"].replace("cp932", "shift_jis") == told
    assert {row.values["text"] for row in source.rows()} == {words}
    assert all(fact.why for fact in source.described)


def test_a_chosen_encoding_is_used_and_its_misfits_are_listed(tmp_path: Path) -> None:
    """A row with a byte that the encoding does not have is listed, and the others are whole."""
    source = opened(tmp_path, b"id,text\n1,caf\xe9\n2,\x81\n", encoding="cp1252")
    rows = list(source.rows())
    assert rows[0].values["text"] == "café"
    assert rows[0].problem is None
    assert rows[1].problem == "holds the byte 0x81, which is no character in the file's encoding"


def test_a_file_that_is_utf8_but_for_a_few_bytes_stays_utf8(tmp_path: Path) -> None:
    """One pasted letter must not turn the umlauts of all other rows into rubbish."""
    data = b"id,text\n" + "".join(f"{n},schöne Grüße\n" for n in range(50)).encode() + b"99,na\xefve\n"
    rows = list(opened(tmp_path, data).rows())
    assert [row.number for row in rows if row.problem] == [51]
    assert rows[0].values["text"] == "schöne Grüße"


@pytest.mark.parametrize("encoding", ["nonsense", "rot13", "base64"])
def test_an_encoding_that_is_none_is_refused_by_name(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(WorkbenchError, match=encoding):
        opened(tmp_path, b"a,b\n1,2\n", encoding=encoding)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"question,answer\nhow,so\nwhy,thus\n", "yes"),
        (b"user,text\nuser,how\nagent,so\n", "none"),
        (b"role,text\nrole,how\nagent,so\n", "yes"),
        (b"1,how\n2,why\n", "none"),
        (b"agent,hello\nuser,hi\nagent,bye\n", "none"),
        (b"how does one do it when " + b"very " * 20 + b"tired,so\nwhy,thus\n", "none"),
    ],
)
def test_a_header_is_told_from_data(tmp_path: Path, data: bytes, header: str) -> None:
    source = opened(tmp_path, data)
    assert facts(source)["header"] == header
    expected = data.count(b"\n") - (1 if header == "yes" else 0)
    assert len(cells(source)) == expected
    if header == "none":
        assert [column.name for column in source.columns] == ["column_1", "column_2"]


def test_header_can_be_said(tmp_path: Path) -> None:
    data = b"question,answer\nhow,so\n"
    assert cells(opened(tmp_path, data, header=False)) == [["question", "answer"], ["how", "so"]]
    assert cells(opened(tmp_path, b"1,2\n3,4\n", header=True)) == [["3", "4"]]


def test_empty_and_double_names_are_told_apart(tmp_path: Path) -> None:
    """As pandas writes an index, and as a join of two tables does."""
    source = opened(tmp_path, b",name,name\n0,a,b\n")
    assert [column.name for column in source.columns] == ["column_1", "name", "name (2)"]


def test_ragged_rows_are_listed_with_their_line(tmp_path: Path) -> None:
    """Never dropped, never shifted; empty cells behind the last column are harmless."""
    data = b'id,text\n1,"two\nlines"\n2\n3,a,b\n4,fine,,\n'
    rows = list(opened(tmp_path, data).rows())
    assert [(row.line, row.problem) for row in rows] == [
        (2, None),
        (4, "has 1 cell, the table has 2 cells"),
        (5, "has 3 cells, the table has 2 cells"),
        (6, None),
    ]
    assert rows[2].values == {"id": "3", "text": "a", "column_3": "b"}


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    """Files that were put together with `cat`."""
    rows = list(opened(tmp_path, b"id,text\n1,a\nid,text\n2,b\n").rows())
    assert [row.problem for row in rows] == [None, "repeats the header", None]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path, ending: bytes) -> None:
    """It would swallow the rest of the file into one cell."""
    data = b'id,text\n1,"a"\n2,"open\n3,c\n4,"d\ne"\n5,f' + ending
    rows = list(opened(tmp_path, data).rows())
    assert [row.line for row in rows if row.problem] == [3]
    assert [row.values["text"] for row in rows if not row.problem] == ["a", "c", "d\ne", "f"]
    assert [row.line for row in rows] == [2, 3, 4, 5, 7]


def test_a_stray_quote_is_listed_and_joins_nothing(tmp_path: Path) -> None:
    """A lenient reader would take `"open` up to the next quote for one cell, and two rows for one."""
    data = b'id,text\n1,"he said "hi" to me"\n2,5" pipe\n3,c\n'
    rows = list(opened(tmp_path, data).rows())
    assert [row.problem for row in rows] == ["a quote inside a quoted cell is not doubled", None, None]
    assert rows[1].values["text"] == '5" pipe'


def test_an_escape_other_than_doubling_is_read_when_said(tmp_path: Path) -> None:
    data = b'id,text\n1,"say \\"hi\\", then"\n'
    assert cells(opened(tmp_path, data, escape="\\")) == [["1", 'say "hi", then']]


def test_quotes_that_are_letters_are_told_or_said(tmp_path: Path) -> None:
    """As databases write TSV: nothing is quoted, so a quote at a cell's start is a letter."""
    data = b'id\ttext\n1\t"Hello" she said\n2\t5" pipe\n'
    source = opened(tmp_path, data)
    assert cells(source) == [["1", '"Hello" she said'], ["2", '5" pipe']]
    assert facts(source)["quotes"] == "letters like others"
    assert [row.problem is None for row in opened(tmp_path, data, quotes=True).rows()] == [False, True]
    assert cells(opened(tmp_path, b'id,text\n1,"a"\n', quotes=False)) == [["1", '"a"']]


def test_excels_first_line_tells_the_delimiter(tmp_path: Path) -> None:
    source = opened(tmp_path, b"sep=|\nid|text\n1|a;b;c\n")
    assert cells(source) == [["1", "a;b;c"]]
    assert [row.line for row in source.rows()] == [3]


def test_a_space_behind_the_delimiter_does_not_break_quotes(tmp_path: Path) -> None:
    assert cells(opened(tmp_path, b'id, text\n1, "a, b"\n')) == [["1", "a, b"]]


def test_columns_have_a_type_and_examples(tmp_path: Path) -> None:
    source = opened(tmp_path, b"id,text,none\n1,a,\n2,b,\n3,b,\n")
    by_name = {column.name: column for column in source.columns}
    assert by_name["text"].type == "text"
    assert by_name["text"].examples == ("a", "b")
    assert by_name["none"].type == "empty"


def test_progress_ends_at_the_whole_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    source = opened(tmp_path, b"id,text\n" + b"1,a\n" * 5000)
    assert len(list(source.rows(lambda done, total: seen.append((done, total))))) == 5000
    assert len(seen) == 3
    assert seen[-1][0] == seen[-1][1] == (tmp_path / "table.csv").stat().st_size
