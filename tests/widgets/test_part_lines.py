"""Short texts on as many lines as they take."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from workbench.widgets.part_lines import PartLines, packed

GPUS = ["cpu 83% of 64", "memory 3.1 of 8 GB", *(f"GPU {n} 97%, 61.0 of 80 GB, 64 °C, 512 W" for n in range(8))]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_cut_and_what_has_no_room_is_counted(width) -> None:
    """Every part is whole or in the number at the end."""
    lines = packed(GPUS, width, 3)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    shown = [part for line in lines for part in line.strip().split(" · ")]
    assert shown[:-1] == GPUS[: len(shown) - 1]
    assert shown[-1] == f"and {len(GPUS) - len(shown) + 1} more"


def test_what_fits_is_not_counted() -> None:
    assert packed(GPUS[:3], 80, 3) == [" cpu 83% of 64 · memory 3.1 of 8 GB · GPU 0 97%, 61.0 of 80 GB, 64 °C, 512 W"]
    assert packed([], 80, 3) == []


async def test_it_is_as_high_as_what_it_says() -> None:
    """Nothing takes no line."""

    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield PartLines(3)

    app = One()
    async with app.run_test(size=(80, 10)) as pilot:
        parts = app.query_one(PartLines)
        assert parts.size.height == 0
        parts.parts = tuple(GPUS)
        await pilot.pause()
        assert parts.size.height == 3
        assert "GPU 0" in parts.render_line(0).text + parts.render_line(1).text
        parts.parts = tuple(GPUS[:2])
        await pilot.pause()
        assert parts.size.height == 1
        assert parts.render_line(0).text.rstrip() == " cpu 83% of 64 · memory 3.1 of 8 GB"
