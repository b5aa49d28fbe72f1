"""Tables: which columns stay, how they are cut; lists with headings."""

from __future__ import annotations

from textual.app import App, ComposeResult

from workbench.widgets.lines import LineList
from workbench.widgets.sections import Entry, SectionList
from workbench.widgets.table import Column, Table, column_widths, cut_middle, row_line
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


class Tables(App[None]):
    """A table that counts what it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table((Column("name"), Column("n", right=True)), empty="none")
        self.moved: list[int | None] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.moved.append(message.row)

    def show(self, *numbers: int, cursor: int | None = None) -> None:
        """Rows, each with its number."""
        self.table.show_cells([[Piece(f"row {at}"), Piece(str(one))] for at, one in enumerate(numbers)], cursor=cursor)


async def test_rows_that_did_not_change_are_not_drawn_again(monkeypatch) -> None:
    """Neither where nothing changed, nor the others where one did; who listens hears of it all the same."""
    app = Tables()
    drawn: list[int] = []
    original = LineList.render_line
    monkeypatch.setattr(LineList, "render_line", lambda self, y: (drawn.append(y), original(self, y))[1])
    async with app.run_test(size=(40, 12)) as pilot:
        app.show(1, 2, 3)
        await pilot.pause()
        drawn.clear()
        app.moved.clear()
        app.show(1, 2, 3, cursor=0)
        await pilot.pause()
        assert (drawn, app.moved) == ([], [0])
        app.show(1, 7, 3)
        await pilot.pause()
        assert set(drawn) == {1}
        assert "7" in app.table.list.render_line(1).text
        app.show(1, 7, 3, 4)
        await pilot.pause()
        assert set(drawn) >= {0, 1, 2, 3}
        app.table.list.empty = "nothing at all"
        app.show()
        await pilot.pause()
        assert "nothing at all" in app.table.list.render_line(0).text
        assert app.moved[-1] is None


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
