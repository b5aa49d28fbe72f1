"""Tables: which columns stay, how they are cut; lists with headings."""

from __future__ import annotations

from textual.app import App, ComposeResult

from workbench.widgets.sections import Entry, SectionList
from workbench.widgets.table import Column, column_widths, cut_middle, row_line
from workbench.widgets.textline import Piece, width_of

COLUMNS = (
    Column("name", grows=True),
    Column("n", right=True),
    Column("cost", right=True, gives_way=1),
    Column("bar", gives_way=2),
)
ROWS = [[Piece("a" * 30), Piece("150"), Piece("0.25"), Piece("·" * 20)]]


def test_columns_give_way_in_their_order() -> None:
    """Wide: all. Narrower: the bar goes, then the cost; the name shrinks only after that."""
    assert column_widths(COLUMNS, ROWS, 100) == [30, 3, 4, 20]
    assert column_widths(COLUMNS, ROWS, 40) == [29, 3, 4, None]
    assert column_widths(COLUMNS, ROWS, 18) == [13, 3, None, None]


def test_a_row_is_never_wider_than_its_table() -> None:
    """Also with wide characters."""
    for width in range(8, 80):
        rows = [[Piece("漢字" * 10), Piece("1"), Piece("2"), Piece("x")]]
        widths = column_widths(COLUMNS, rows, width)
        assert width_of(row_line(COLUMNS, widths, rows[0])) <= max(width, 16)


def test_names_that_differ_at_their_ends_keep_both() -> None:
    """A tuned model's id ends in what tells it apart."""
    assert cut_middle("local/ft:starter:local:recipes:1a2b3c4d", 20) == "local/ft:s…:1a2b3c4d"
    assert cut_middle("short", 20) == "short"


class Sections(App[None]):
    """A list with headings."""

    def compose(self) -> ComposeResult:
        yield SectionList()


async def test_the_cursor_steps_over_headings() -> None:
    """Down and up, to the ends, and back to the same entry when the entries change."""
    app = Sections()
    async with app.run_test() as pilot:
        entries = app.query_one(SectionList)
        entries.show_entries(
            [
                Entry.heading("A"),
                Entry((), "a1"),
                Entry((), "a2"),
                Entry.heading("B"),
                Entry((), "b1"),
                Entry.heading("C"),
            ]
        )
        entries.focus()
        seen = [entries.key]
        for key in ("j", "j", "j", "k", "g", "G"):
            await pilot.press(key)
            seen.append(entries.key)
        assert seen == ["a1", "a2", "b1", "b1", "a2", "a1", "b1"]
        entries.show_entries([Entry.heading("new"), Entry((), "x"), Entry((), "b1")])
        assert entries.key == "b1"
