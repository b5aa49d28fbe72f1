"""The numbers of a job as a table: names over their columns, and all of them within reach."""

from __future__ import annotations

import pytest
from textual.app import App

from workbench.screens.dialogs.series_table import SeriesTableDialog

COLUMNS = ["step", "train_loss", "valid_loss", "epoch", "grad_norm", "learning_rate", "full_valid_mean_token_accuracy"]
ROWS = [[step, 0.25, None, step / 1000, 1.103821, 1e-4, 0.875] for step in range(1, 2001)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_names_stand_over_their_columns_and_all_come_into_sight(screen_text, size) -> None:
    """→ until the last one is seen, ← back; the step stays, and so do the keys at the foot."""
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        dialog = SeriesTableDialog("Numbers", COLUMNS, ROWS)
        await app.push_screen(dialog)
        await pilot.pause()

        def head_and_last() -> tuple[str, str]:
            lines = screen_text(app).splitlines()
            head = next(line for line in lines if " step " in line)
            return head, next(line for line in lines if "2,000" in line)

        head, last = head_and_last()
        assert head.index("step") + len("step") == last.index("2,000") + len("2,000")
        assert head.index("train_loss") + len("train_loss") == last.index("0.25") + len("0.25")
        assert "…" not in last
        assert "← → columns" in screen_text(app)
        for _ in range(len(COLUMNS)):
            await pilot.press("right")
        await pilot.pause()
        head, last = head_and_last()
        assert "accuracy" in head
        assert "0.875" in last
        assert "2,000" in last
        for _ in range(len(COLUMNS)):
            await pilot.press("left")
        await pilot.pause()
        assert "train_loss" in head_and_last()[0]
