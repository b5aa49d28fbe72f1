"""Readers of runs that we did not start: what real writers left behind, and what damage does to it."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.providers.attached import event_of, open_source
from workbench.providers.attached.log_lines import table_in
from workbench.providers.attached.results_csv import results
from workbench.providers.series import fold

WRITTEN = Path(__file__).parents[1] / "data" / "attached" / "events.out.tfevents.1790000000.host"
"""By tensorboardX 2.6.5: ten steps of loss and learning rate, two of eval/loss, a text and a histogram."""


def all_of(source) -> dict:
    """The series of a source, read to its end."""
    events = []
    while new := source.read_new():
        events += [event_of(reading) for reading in new]
    return fold(events)


def test_event_files_of_a_real_writer_are_read() -> None:
    """Scalars under our names; texts and histograms are passed over."""
    series = all_of(open_source(WRITTEN))
    assert sorted(series) == ["learning_rate", "train_loss", "valid_loss"]
    assert series["train_loss"][0] == (10, 2.0)
    assert series["valid_loss"] == [(50, 0.5), (100, 0.25)]
    assert len(series["learning_rate"]) == 10


def test_event_files_written_byte_by_byte_give_the_same(tmp_path) -> None:
    """A torn record is waited for; nothing is lost, nothing comes twice."""
    data = WRITTEN.read_bytes()
    path = tmp_path / WRITTEN.name
    path.write_bytes(b"")
    source, readings = open_source(tmp_path), []
    for end in range(0, len(data) + 1, 7):
        path.write_bytes(data[:end])
        readings += source.read_new()
    path.write_bytes(data)
    readings += source.read_new() + source.read_new()
    told = [(one.step, name) for one in readings for name in one.values]
    assert len(told) == len(set(told))
    assert fold([event_of(one) for one in readings]) == all_of(open_source(WRITTEN))


@settings(max_examples=40, deadline=None)
@given(at=st.integers(60, 1583), by=st.integers(1, 255))
def test_a_flipped_byte_is_noticed(tmp_path_factory, at, by) -> None:
    """Whatever is given before the damage is right; the damage is named, or waited at."""
    data = bytearray(WRITTEN.read_bytes())
    data[at] ^= by
    path = tmp_path_factory.mktemp("flip") / WRITTEN.name
    path.write_bytes(data)
    source, readings = open_source(path), []
    with pytest.raises(WorkbenchError, match="is damaged at byte"):
        for _ in range(5):
            readings += source.read_new()
    whole = all_of(open_source(WRITTEN))
    for name, points in fold([event_of(one) for one in readings]).items():
        assert set(points) <= set(whole[name])


def state(tmp_path: Path, steps: int, folder: str = "") -> Path:
    """A trainer_state.json as a Hugging Face trainer writes it."""
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    history = [{"step": step, "epoch": step / 30, "loss": 3.0 / step, "grad_norm": 1.5} for step in range(1, steps + 1)]
    history.append({"step": steps, "epoch": steps / 30, "eval_loss": 2.0, "eval_mean_token_accuracy": 0.5})
    path = place / "trainer_state.json"
    path.write_text(json.dumps({"global_step": steps, "max_steps": 30, "log_history": history}))
    return path


def test_a_trainer_state_grows_from_checkpoint_to_checkpoint(tmp_path) -> None:
    """The newest checkpoint's is read on; entries that were told are not told again."""
    state(tmp_path, 10, "checkpoint-10")
    source = open_source(tmp_path)
    first = source.read_new()
    assert len(first) == 11
    assert not source.finished
    state(tmp_path, 30, "checkpoint-30")
    second = source.read_new()
    assert [one.step for one in second] == [*range(11, 31), 30]
    assert second[-1].values == {"epoch": 1.0, "valid_loss": 2.0, "valid_mean_token_accuracy": 0.5}
    assert source.finished
    assert source.read_new() == []


def test_a_state_that_is_being_written_is_read_later(tmp_path) -> None:
    """Half a JSON document is no reason to forget the run."""
    path = state(tmp_path, 5)
    source = open_source(path)
    assert source.read_new()
    whole = state(tmp_path, 6).read_text()
    path.write_text(whole[:50])
    with pytest.raises(WorkbenchError, match="being written"):
        source.read_new()
    path.write_text(whole)
    assert [one.step for one in source.read_new()] == [6, 6]


LOG = """\
Loading weights…\r 10%|█         | 3/30 [00:01<00:09,  2.9it/s]
{'loss': '1.25', 'grad_norm': '0.7', 'learning_rate': '9e-05', 'epoch': '0.1'}
INFO     | 2026-11-25 10:00:05 | autotrain.trainers.common:on_log:367 - {'loss': 0.9, 'epoch': 0.2}
 20%|██        | 6/30 [00:02<00:08,  2.9it/s]\r{'loss': nan, 'grad_norm': inf}
{"step": 9, "loss": 0.5, "total_steps": 30}
{'eval_loss': 0.8, 'eval_runtime': 1.2}
{'not': 'numbers'} {'loss': }
{'train_runtime': 12.5, 'train_loss': 0.7}
"""


def test_log_lines_of_trainers_are_read(tmp_path) -> None:
    """Numbers as numbers or texts, steps from progress bars or from the line, NaN as news."""
    path = tmp_path / "train.log"
    path.write_text(LOG)
    source = open_source(path)
    series = all_of(source)
    loss = dict(series["train_loss"])
    assert loss[3] == 0.9
    assert math.isnan(loss[6])
    assert dict(series["valid_loss"]) == {9: 0.8}
    assert source.finished
    assert series["mean_train_loss"] == [(9, 0.7)]
    assert loss[9] == 0.5


def test_a_line_that_is_not_whole_is_waited_for(tmp_path) -> None:
    """A log is read while it is written."""
    path = tmp_path / "train.log"
    path.write_text("{'loss': 1.0}\n{'loss': 0.")
    source = open_source(path)
    assert [one.values for one in source.read_new()] == [{"train_loss": 1.0}]
    with path.open("a") as file:
        file.write("5}\n")
    assert [(one.step, one.values) for one in source.read_new()] == [(2, {"train_loss": 0.5})]


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_any_line_is_survived(text) -> None:
    """A log holds everything."""
    table_in("{'" + text + "}")
    table_in(text)


OPENAI = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n2,2.0,0.5,2.25,0.45\n"
AZURE = (
    b"step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,full_valid_loss,"
    b"full_valid_mean_token_accuracy\n1,2.5,0.4,,,,\n2,2.0,0.5,2.25,0.45,2.3,0.44\n"
)


@pytest.mark.parametrize(
    "data", [OPENAI, AZURE, base64.b64encode(OPENAI), base64.encodebytes(AZURE), b"\xef\xbb\xbf" + AZURE]
)
def test_result_files_of_both_providers_are_one(data) -> None:
    """Plain or base64, either spelling of the columns."""
    series = fold([event_of(reading) for reading in results(data, "results.csv")])
    assert series["train_loss"] == [(1, 2.5), (2, 2.0)]
    assert series["train_mean_token_accuracy"] == [(1, 0.4), (2, 0.5)]
    assert series["valid_mean_token_accuracy"] == [(2, 0.45)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("results.csv", b"a,b\n1,2\n", "has no column `step`"),
        ("trainer_state.json", b"[1]", "has no log_history"),
        ("model.bin", b"\0\1\2", "is a binary file"),
    ],
)
def test_what_is_no_run_is_said(tmp_path, name, content, sentence) -> None:
    """One sentence that names the file."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WorkbenchError, match=sentence) as error:
        open_source(path).read_new()
    assert name in error.value.message


def test_an_empty_folder_and_a_missing_path_are_said(tmp_path) -> None:
    """With what could be given instead."""
    with pytest.raises(WorkbenchError, match="holds nothing that can be followed"):
        open_source(tmp_path)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        open_source(tmp_path / "nowhere")
