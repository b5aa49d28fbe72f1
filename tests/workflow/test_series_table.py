"""Series as a table: nothing rounded, gaps stay gaps."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from workbench.cli import main
from workbench.workflow.series_table import columns_of, csv_of, rows_of, smoothed

SERIES = {"learning_rate": [(1, 1e-05), (3, 0.5)], "train_loss": [(1, 1 / 3), (2, float("nan"))]}


def test_one_row_a_step_and_losses_first() -> None:
    """A step that only some series have leaves the others empty."""
    assert columns_of(SERIES) == ["step", "train_loss", "learning_rate"]
    rows = list(rows_of(SERIES))
    assert rows[0] == [1, 1 / 3, 1e-05]
    assert rows[2] == [3, None, 0.5]


def test_csv_gives_back_what_was_measured() -> None:
    """To the last digit."""
    read = list(csv.DictReader(io.StringIO(csv_of(SERIES))))
    assert float(read[0]["train_loss"]) == 1 / 3
    assert math.isnan(float(read[1]["train_loss"]))
    assert read[2]["train_loss"] == ""


def test_smoothing_starts_unbiased_and_keeps_gaps() -> None:
    """A constant stays what it is; 0 changes nothing; NaN stays where it is."""
    flat = [(step, 2.0) for step in range(5)]
    assert [value for _, value in smoothed(flat, 0.9)] == pytest.approx([2.0] * 5)
    assert smoothed(flat, 0.0) == flat
    mixed = smoothed([(1, 1.0), (2, float("nan")), (3, 3.0)], 0.5)
    assert math.isnan(mixed[1][1])
    assert mixed[2][1] == pytest.approx((0.5 * 0.5 * 1.0 + 0.5 * 3.0) / 0.75)


def test_the_command_gives_series_alerts_and_csv(tmp_path, capsys) -> None:
    """The same numbers in JSON and CSV, with what is wrong beside them."""
    run = tmp_path / "results.csv"
    rows = ["step,train_loss,full_valid_loss", "50,0.17,1.281", "60,0.245,1.379", "70,0.074,1.509"]
    run.write_text("\n".join(rows) + "\n")
    where = ["--workspace", str(tmp_path / "home"), "--json"]
    assert main(["job", "attach", str(run), *where]) == 0
    job = json.loads(capsys.readouterr().out)["id"]
    out = tmp_path / "out.csv"
    assert main(["job", "series", job, "--csv", str(out), *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["series"]["train_loss"] == [[50, 0.17], [60, 0.245], [70, 0.074]]
    assert [alert["name"] for alert in told["alerts"]] == ["overfit"]
    assert out.read_text().splitlines()[:2] == ["step,train_loss,full_valid_loss", "50,0.17,1.281"]
    assert main(["job", "series", job, "--smooth", "0.5", *where]) == 0
    smooth = json.loads(capsys.readouterr().out)["series"]["train_loss"]
    assert smooth[0] == [50, 0.17]
    assert smooth[2][1] != 0.074
    assert main(["job", "series", job, "--csv", "/nowhere/x.csv", *where]) == 1
    assert "cannot be written" in json.loads(capsys.readouterr().out)["error"]["message"]
