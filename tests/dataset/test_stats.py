"""Statistics: the cookbook's published figures, and what it got wrong."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.figure import Origin
from workbench.dataset.formats import RecordError
from workbench.dataset.rows import open_rows
from workbench.dataset.stats import distribution, histogram, stats
from workbench.dataset.tokens import FormulaCounter, TokenCount, counter_for
from workbench.errors import WorkbenchError

TOY = Path(__file__).parents[1] / "data" / "toy_chat_fine_tuning.jsonl"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class FakeWords:
    """Counts words: a vocabulary that needs no file."""

    name = "words"
    exact = True

    def text(self, text: str) -> int:
        return len(text.split())

    def messages(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> TokenCount:
        return FormulaCounter("words", True, self.text).messages(messages, tools)


def write(folder: Path, records: Sequence[object]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_toy_set_gives_the_cookbooks_figures(cache: Path) -> None:
    """Totals 45, 111, 26, 28, 8032; assistant 10, 28, 9, 4, 8000 (the notebook prints a stale 4,306 at 16,385)."""
    with open_rows(TOY) as rows:
        found = stats(rows, counter=counter_for(None, cache))
        cut = stats(rows, max_tokens=4096, counter=counter_for("gpt-3.5-turbo", cache))
    assert (found.tokens.min, found.tokens.max, found.tokens.median) == (26, 8032, 45)
    assert found.tokens.mean == pytest.approx(1648.4) and found.tokens.total == 8242
    assert (found.messages.min, found.messages.max) == (2, 9)
    assert (found.assistant_tokens.min, found.assistant_tokens.max, found.assistant_tokens.total) == (4, 8000, 8051)
    assert (found.missing_system, found.missing_user, found.over_limit) == (1, 1, 0)
    assert (found.billable_tokens_per_epoch, found.n_epochs, found.billable_tokens) == (8242, 20, 164_840)
    assert (found.encoding, found.model, found.max_tokens) == ("cl100k_base", None, 16_385)
    assert (cut.billable_tokens_per_epoch, cut.billable_tokens, cut.over_limit) == (4306, 86_120, 1)
    assert cut.tokens == found.tokens
    assert (found.over_limit_lines, cut.over_limit_lines) == ([], [5])
    assert [(step.least, step.most, step.records) for step in found.histogram if step.records] == [
        (0, 499, 4),
        (8000, 8499, 1),
    ]


def test_the_keys_are_those_of_the_command_line_contract(cache: Path) -> None:
    """Outside checks rely on them."""
    with open_rows(TOY) as rows:
        printed = json.loads(stats(rows, "gpt-4o-mini", counter=counter_for("gpt-4o-mini", cache)).model_dump_json())
    contract = (
        "records model encoding exact tokens assistant_tokens messages missing_system missing_user over_limit"
        " n_epochs billable_tokens_per_epoch billable_tokens cost"
    )
    assert set(contract.split()) <= set(printed)
    assert set(printed["tokens"]) == {"min", "max", "mean", "median", "p5", "p95", "total"}
    assert set(printed["cost"]) == {"value", "unit", "origin", "source", "as_of"}
    assert printed["exact"] is True and printed["encoding"] == "o200k_base"


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_percentiles_are_what_they_say(values: list[int]) -> None:
    """The cookbook's p5 and p95 are the 10th and 90th; ours agree with numpy's."""
    spread = distribution(values)
    assert spread.p5 == pytest.approx(float(np.percentile(values, 5)), abs=1e-5)
    assert spread.p95 == pytest.approx(float(np.percentile(values, 95)), abs=1e-5)
    assert spread.median == pytest.approx(float(np.median(values)), abs=1e-5)
    assert spread.total == sum(values) and spread.min <= spread.mean <= spread.max


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_every_record_is_in_one_step_of_the_histogram(values: list[int]) -> None:
    """Steps touch, none is missing between the shortest and the longest record, and they are few."""
    steps = histogram(values)
    assert 1 <= len(steps) <= 20
    for step in steps:
        assert step.records == sum(step.least <= value <= step.most for value in values)
    assert sum(step.records for step in steps) == len(values) and steps[0].records and steps[-1].records
    assert all(one.most + 1 == other.least for one, other in itertools.pairwise(steps))


def test_tools_of_a_sharegpt_record_are_counted(tmp_path: Path) -> None:
    """They are text there."""
    turns = [{"from": "human", "value": "a b"}, {"from": "gpt", "value": "c"}]
    path = write(tmp_path, [{"conversations": turns, "tools": '[{"name": "look up"}]'}])
    with open_rows(path) as rows:
        assert "estimate: tools" in stats(rows, "gpt-4o", counter=FakeWords()).note


def test_a_price_makes_a_cost_and_no_price_says_so(cache: Path) -> None:
    """An estimate by a quoted price, with its date; not a zero for a model that nobody prices."""
    with open_rows(TOY) as rows:
        priced = stats(rows, "gpt-3.5-turbo", counter=FakeWords())
        known = stats(rows, "gpt-4o-mini", counter=FakeWords(), n_epochs=2)
        azure = stats(rows, "gpt-4o-mini", counter=FakeWords(), n_epochs=2, provider="azure", tier="regional")
        starter = stats(rows, "starter", counter=counter_for("starter", cache))
    assert priced.cost.origin is Origin.NOT_MEASURED
    assert known.cost.origin is Origin.ESTIMATED and known.cost.as_of == "2026-08-11"
    assert known.cost.value == pytest.approx(known.billable_tokens * 3 / 1e6)
    assert known.n_epochs == 2 and known.billable_tokens == 2 * known.billable_tokens_per_epoch
    assert azure.cost.value == pytest.approx(known.billable_tokens * 3.3 / 1e6)
    assert starter.cost.value is None and not starter.exact and "estimate" in starter.note


def test_a_preference_pair_counts_its_prompt_twice(tmp_path: Path) -> None:
    """As Azure's bills show."""
    prompt = [{"role": "user", "content": "one two three"}]
    record = {
        "input": {"messages": prompt},
        "preferred_output": [{"role": "assistant", "content": "four five"}],
        "non_preferred_output": [{"role": "assistant", "content": "six"}],
    }
    with open_rows(write(tmp_path, [record])) as rows:
        found = stats(rows, counter=FakeWords())
    side = 3 + (3 + 1 + 3) + (3 + 1)
    assert found.tokens.total == (side + 2) + (side + 1)
    assert found.assistant_tokens.total == 3


def test_what_cannot_be_counted_is_told_apart(tmp_path: Path) -> None:
    """Broken rows do not spoil the figures; a file of nothing else is an error with the first place."""
    path = write(tmp_path, [{"text": "a b c"}, {"text": "d"}])
    path.write_bytes(path.read_bytes() + b'{"text": \n[1]\n')
    with open_rows(path) as rows:
        found = stats(rows, counter=FakeWords())
    assert (found.records, found.unreadable, found.tokens.total) == (2, 2, 4)
    path.write_bytes(b"{broken\n[1]\n")
    with open_rows(path) as rows, pytest.raises(WorkbenchError, match=r"no record can be counted \(line 1"):
        stats(rows, counter=FakeWords())


def test_tools_make_the_counts_an_estimate(tmp_path: Path) -> None:
    """And the note says why."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]
    with open_rows(write(tmp_path, [{"messages": messages}])) as rows:
        found = stats(rows, "gpt-4o", counter=FakeWords())
    assert not found.exact and "tool calls" in found.note


def test_a_counter_that_cannot_render_a_record_leaves_it_out(tmp_path: Path) -> None:
    """A chat template may refuse a conversation."""

    class FakeStrict(FakeWords):
        def messages(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> TokenCount:
            if messages[0]["role"] != "user":
                raise RecordError("", "must begin with the user")
            return super().messages(messages, tools)

    good = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}
    bad = {"messages": [{"role": "assistant", "content": "y"}]}
    with open_rows(write(tmp_path, [good, bad])) as rows:
        found = stats(rows, counter=FakeStrict())
    assert (found.records, found.unreadable) == (1, 1)
