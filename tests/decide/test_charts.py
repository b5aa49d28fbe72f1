"""The report's pictures: well-formed, self-contained, and drawn where the figures are."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decide.made_runs import TASK, made_run, right
from tests.decide.test_verdict import FEW, TUNED, tied
from workbench.decide.charts import costs_svg, scores_svg, ticks
from workbench.decide.verdict import decide

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_needs_nothing_from_elsewhere() -> None:
    decision = tied(requests_per_month=20_000)
    assert decision.break_even is not None
    for picture in (scores_svg(decision), costs_svg(decision.break_even, decision.decided_on)):
        assert not re.search(r"href|url\(|<script|<image|@import", picture)
        assert ElementTree.fromstring(picture).tag == f"{SVG}svg"


def test_names_are_text_whatever_is_in_them() -> None:
    evil = 'local/<script>"&\x1b[31m'
    drawn = scores_svg(decide(made_run({evil: right(0.5)}), task=TASK, candidates_kind={}, today=date(2026, 11, 22)))
    texts = [one.text or "" for one in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert any("<script>" in text for text in texts) and "\x1b" not in drawn


def test_scores_lie_where_they_are() -> None:
    """Half of the way from 0 to 1, its interval around it."""
    run = made_run({FEW: right(0.5), TUNED: right(1.0)})
    drawn = ElementTree.fromstring(scores_svg(decide(run, task=TASK, candidates_kind={}, today=date(2026, 11, 22))))
    dots = [float(one.get("cx", "0")) for one in drawn.iter(f"{SVG}circle") if float(one.get("cy", "0")) > 30]
    assert dots == pytest.approx([690, (300 + 690) / 2])
    failed = made_run({FEW: right(0.5), TUNED: [None] * 300})
    assert "every item failed" in scores_svg(
        decide(failed, task=TASK, candidates_kind={}, today=date(2026, 11, 22))
    )  # fmt: skip


def test_both_costs_cross_where_it_is_paid_back() -> None:
    """The vertical line stands between the months around the crossing of the two lines."""
    decision = tied(requests_per_month=20_000)
    one = decision.break_even
    assert one is not None and one.date is not None
    drawn = ElementTree.fromstring(costs_svg(one, decision.decided_on))
    lines = [line.get("points", "").split() for line in drawn.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [len(one.by_month)] * 2
    alternative, tuned = ([tuple(map(float, point.split(","))) for point in line] for line in lines)
    above = [a[1] < t[1] for a, t in zip(alternative, tuned, strict=True)]  # y runs down: the dearer is higher up
    crossing = above.index(True)
    (paid,) = [float(x.get("x1", "0")) for x in drawn.iter(f"{SVG}line") if x.get("stroke-dasharray")][:1]
    assert alternative[crossing - 1][0] <= paid <= alternative[crossing][0]


@given(st.floats(1e-6, 1e12))
def test_ticks_reach_the_highest_value_in_few_round_steps(highest: float) -> None:
    found = ticks(highest)
    assert found[0] == 0 and 3 <= len(found) <= 7
    assert found[-1] >= highest * (1 - 1e-6) and found[-2] < highest
