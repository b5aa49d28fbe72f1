"""One row a message to conversations: in order, by role, and every row in one place or listed."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.sources import Placed, Source, Unplaced, guess, open_source, parse_mapping, place_rows
from workbench.dataset.sources.order import order_of
from workbench.errors import WorkbenchError

TEMPLATE = """
[roles]
agent = "assistant"
customer = "user"
note = "skip"

[grouping]
conversation = "id"
author = "who"
text = "{text}"
"""


def written(
    folder: Path, rows: list[tuple[object, ...]], header: tuple[str, ...] = ("id", "at", "who", "text")
) -> Source:
    path = folder / "chats.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return open_source(path)


def grouped(source: Source, more: str = "") -> tuple[list[Any], list[Unplaced]]:
    placed, unplaced = [], []
    for one in place_rows(source, parse_mapping(TEMPLATE + more)):
        if isinstance(one, Placed):
            placed.append(one)
        else:
            unplaced.append(one)
    rows = [number for one in placed for number in one.numbers] + [one.number for one in unplaced]
    assert sorted(rows) == list(range(1, len(list(source.rows())) + 1)), "every row once"
    return placed, unplaced


def talk(one: Placed) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in one.value["messages"]]


ROWS: list[tuple[object, ...]] = [
    ("a", 3, "agent", "a3"), ("b", 2, "agent", "b2"), ("a", 1, "customer", "a1"), ("a", 2, "Customer ", "a2"),
    ("b", 1, "customer", "b1"), ("a", 10, "agent", "a10"),
]  # fmt: skip


def test_scattered_rows_are_sorted_and_neighbours_of_one_role_joined(tmp_path: Path) -> None:
    placed, unplaced = grouped(written(tmp_path, ROWS), 'order = "at"\n')
    assert unplaced == []
    assert [talk(one) for one in placed] == [
        [("user", "a1\n\na2"), ("assistant", "a3\n\na10")],
        [("user", "b1"), ("assistant", "b2")],
    ]
    assert placed[0].numbers == (3, 4, 1, 6)


def test_turns_are_joined_by_what_is_said_or_not_at_all(tmp_path: Path) -> None:
    source = written(tmp_path, ROWS)
    assert talk(grouped(source, 'order = "at"\nmerge = " | "\n')[0][0])[0] == ("user", "a1 | a2")
    assert len(talk(grouped(source, 'order = "at"\nmerge = false\n')[0][0])) == 4


def test_without_an_order_the_file_says(tmp_path: Path) -> None:
    placed, _ = grouped(written(tmp_path, ROWS), "merge = false\n")
    assert [text for _, text in talk(placed[0])] == ["a3", "a1", "a2", "a10"]


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        ("9", "10", ""),
        ("9007199254740993", "9007199254740994", ""),
        ("1.5", "1.75", ""),
        ("2024-01-02T09:00:00Z", "2024-01-02T09:00:00.5+00:00", ""),
        ("2024-01-02 23:30:00+02:00", "2024-01-02 22:00:00", ""),
        ("31.01.2024 10:00", "01.02.2024 09:00", ""),
        ("1/31/2024 9:05 PM", "2/1/2024 9:00 AM", ""),
        ("31st 2024-01", "01st 2024-02", 'order_as = "%dst %Y-%m"\n'),
    ],
)
def test_numbers_and_dates_sort_as_what_they_are(tmp_path: Path, first: str, second: str, how: str) -> None:
    rows: list[tuple[object, ...]] = [("a", second, "agent", "later"), ("a", first, "customer", "sooner")]
    placed, unplaced = grouped(written(tmp_path, rows), f'order = "at"\n{how}')
    assert unplaced == []
    assert talk(placed[0]) == [("user", "sooner"), ("assistant", "later")]


def test_an_order_that_nobody_knows_must_be_said(tmp_path: Path) -> None:
    source = written(tmp_path, [("a", "soon", "agent", "x"), ("a", "late", "customer", "y")])
    with pytest.raises(WorkbenchError, match=r"neither numbers nor dates.*order_as"):
        grouped(source, 'order = "at"\n')


def test_rows_that_find_no_place_are_listed_with_line_and_reason(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [
        ("a", 1, "customer", "hi"), ("", 2, "agent", "x"), ("a", 3, "", "x"), ("a", 4, "ghost", "x"),
        ("a", 5, "agent", "  "), ("a", 6, "note", "x"), ("a", "", "agent", "x"), ("a", "soon", "agent", "x"),
        ("a", 9, "agent", "yes\nno"), ("b", 10, "customer", "alone"), ("c", 11),
    ]  # fmt: skip
    placed, unplaced = grouped(written(tmp_path, rows), 'order = "at"\norder_as = "number"\n')
    assert talk(placed[0]) == [("user", "hi"), ("assistant", "yes\nno")]
    reasons = {one.line: one.reason for one in unplaced}
    assert reasons == {
        3: "column 'id' is empty, so it belongs to no conversation",
        4: "column 'who' is empty, so nobody said it",
        5: "the author 'ghost' has no role in [roles]",
        6: "its text is empty",
        7: "[roles] skips the author 'note'",
        8: "column 'at' is empty, so its place is unknown",
        9: "column 'at': 'soon' is no number",
        12: "conversation 'b' has no turn of the assistant",
        13: "has 2 cells, the table has 4 cells",
    }


LONG: list[tuple[object, ...]] = [
    ("a", 1, "agent", "welcome"), ("a", 2, "customer", "q"), ("a", 3, "agent", "first"), ("a", 4, "customer", "q2"),
    ("a", 5, "agent", "last"), ("a", 6, "customer", "bye"),
]  # fmt: skip


def test_leading_and_trailing_turns_stay_or_are_listed(tmp_path: Path) -> None:
    source = written(tmp_path, LONG)
    placed, unplaced = grouped(source)
    assert len(talk(placed[0])) == 6
    placed, unplaced = grouped(source, 'leading = "drop"\ntrailing = "drop"\n')
    assert [text for _, text in talk(placed[0])] == ["q", "first", "q2", "last"]
    assert [(one.number, one.reason) for one in unplaced] == [
        (1, "it stands before the user's first turn (`leading`)"),
        (6, "it stands behind the assistant's last turn (`trailing`)"),
    ]


def test_a_conversation_that_drops_all_its_answers_is_listed(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [("a", 1, "agent", "x"), ("a", 2, "customer", "y")]
    placed, unplaced = grouped(written(tmp_path, rows), 'leading = "drop"\n')
    assert placed == []
    assert len(unplaced) == 2


def weights(one: Placed) -> list[int | None]:
    return [message.get("weight") for message in one.value["messages"]]


def test_what_is_trained_can_be_all_the_last_or_by_author(tmp_path: Path) -> None:
    source = written(tmp_path, LONG)
    assert weights(grouped(source)[0][0]) == [None] * 6
    assert weights(grouped(source, 'train = "last"\n')[0][0]) == [0, None, 0, None, 1, None]
    rows: list[tuple[object, ...]] = [
        ("a", 1, "x", "q"), ("a", 2, "Ann@shop", "1"), ("a", 3, "bob@shop", "2"), ("a", 4, "bob@shop", "3"),
    ]  # fmt: skip
    template = (
        TEMPLATE.replace('agent = "assistant"', '"*@shop" = "assistant"\n"*" = "user"') + 'train = ["ann@shop"]\n'
    )
    (one,) = place_rows(written(tmp_path, rows), parse_mapping(template))
    assert isinstance(one, Placed)
    assert [message["content"] for message in one.value["messages"]] == ["q", "1", "2\n\n3"]
    assert weights(one) == [None, 1, 0]


def test_a_system_prompt_and_another_format(tmp_path: Path) -> None:
    source = written(tmp_path, ROWS[:1] + ROWS[2:3])
    (one,) = place_rows(source, parse_mapping('system = "s"\nformat = "sharegpt"\n' + TEMPLATE + 'order = "at"'))
    assert isinstance(one, Placed)
    assert [turn["from"] for turn in one.value["conversations"]] == ["system", "human", "gpt"]


def test_the_text_may_come_from_several_columns(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [("a", "S", "customer", "q"), ("a", "", "agent", "b")]
    source = written(tmp_path, rows, ("id", "subject", "who", "text"))
    (one,) = place_rows(source, parse_mapping(TEMPLATE.replace("{text}", "{subject}\\n{text}")))
    assert isinstance(one, Placed)
    assert talk(one) == [("user", "S\nq"), ("assistant", "b")]


def test_a_full_disk_is_met_in_one_sentence(tmp_path: Path) -> None:
    """`/dev/full` is a file that is always full."""
    from workbench.dataset.sources.grouping import Groups, Turn

    groups = Groups(tmp_path)
    groups._file.close()
    groups._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - `groups` closes it
    try:
        with pytest.raises(WorkbenchError, match="TMPDIR") as caught:
            groups.add("a", (0, 0), Turn(1, 1, "user", "x", "y"))
        assert caught.value.code == "disk_full"
    finally:
        groups.close()


@pytest.mark.parametrize("odd", [1, 10])
def test_a_few_odd_dates_do_not_hide_what_a_column_is(odd: int) -> None:
    """They are listed later; a column of which a tenth is no date is none."""
    dates = [f"{day:02d}/02/2024 10:00" for day in range(1, 29)] * 3
    told = order_of([*dates, *["soon"] * odd])
    assert told == (("%d/%m/%Y %H:%M", "its values are dates like %d/%m/%Y %H:%M") if odd == 1 else None)


def test_dates_that_can_be_read_in_two_ways_say_so() -> None:
    told = order_of(["01/02/2024 10:00", "03/04/2024 10:00"])
    assert told is not None
    assert "and as well dates like" in told[1]


def messy(seed: int, chats: int) -> tuple[bytes, int]:
    """A messy export in cp1252 with semicolons, its rows shuffled; and how many rows it has."""
    chance = random.Random(seed)
    rows = []
    for chat in range(chats):
        for turn in range(chance.randint(1, 7)):
            author = "Kunde" if turn % 2 == 0 else "Agent"
            text = chance.choice(['Grüße; "schön"\nzweite Zeile', "Wo ist mein Paket – seit März?", "Für 5 € mehr"])
            at = f"{1 + turn:02d}.03.2024 10:{chance.randint(0, 59):02d}"
            row = [f"T-{chat}", at, author, f"{text} {chat}/{turn}"]
            if chance.random() < 0.1:
                row[chance.randrange(4)] = ""
            rows.append(row)
    chance.shuffle(rows)
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";").writerows([["Ticket", "Datum", "Absender", "Nachricht"], *rows])
    return buffer.getvalue().encode("cp1252"), len(rows)


def test_a_messy_export_becomes_conversations_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    """cp1252, semicolons, quoted line breaks, shuffled rows, empty cells: guessed, and nothing is lost."""
    data, count = messy(7, 200)
    path = tmp_path / "export.csv"
    path.write_bytes(data)
    source = open_source(path)
    told = {fact.what: fact.value for fact in source.described}
    assert (told["encoding"], told["delimiter"], told["header"]) == ("cp1252", "semicolon", "yes")
    found = guess([column.name for column in source.columns], source.sample)
    assert found is not None
    results = list(place_rows(source, found.mapping))
    placed = [one for one in results if isinstance(one, Placed)]
    unplaced = [one for one in results if isinstance(one, Unplaced)]
    numbers = Counter(number for one in placed for number in one.numbers) + Counter(one.number for one in unplaced)
    assert numbers == Counter(range(1, count + 1))
    assert len(placed) > 100
    assert all(one.reason and one.line for one in unplaced)
    rows = {row.number: row for row in source.rows()}
    for one in placed:
        assert len({rows[number].values["Ticket"] for number in one.numbers}) == 1
        roles = [role for role, _ in talk(one)]
        assert roles[-1] == "assistant"
        assert all(before != behind for before, behind in pairwise(roles))
        turns = [int(str(rows[number].values["Nachricht"]).rsplit("/", 1)[1]) for number in one.numbers]
        assert turns == sorted(turns)
    assert any('Grüße; "schön"\nzweite Zeile' in text for one in placed for _, text in talk(one))


cell = st.sampled_from(["", "a", "b", "c"])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            cell, st.sampled_from(["", "1", "2", "x"]), st.sampled_from(["", "agent", "customer", "ghost"]), cell
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(['leading = "drop"\n', ""]),
    st.sampled_from(['trailing = "drop"\n', ""]),
    st.sampled_from(["merge = false\n", 'train = "last"\n', ""]),
)
def test_no_row_is_lost_whatever_the_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]], leading: str, trailing: str, other: str
) -> None:
    """`grouped` holds each row to be in one conversation or in the list."""
    source = written(tmp_path_factory.mktemp("chats"), rows)
    grouped(source, 'order = "at"\norder_as = "number"\n' + leading + trailing + other)
