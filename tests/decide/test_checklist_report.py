"""The checklist ticks nothing by itself, and the report says what the decision says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.decide.made_runs import TASK, made_run, right
from tests.decide.test_verdict import BASELINES, ENDED, FEW, KINDS, RAG, TRAINED, TUNED, ZERO
from workbench.catalog.figure import Figure
from workbench.decide.checklist import QUESTIONS, ChecklistItem
from workbench.decide.decision import Decision
from workbench.decide.report import markdown
from workbench.decide.verdict import decide
from workbench.evaluate.results import RunResult


@dataclass
class Answered:
    status: str
    text: str = ""


def judged(run: RunResult | None, **kwargs: Any) -> Decision:
    return decide(run, **{"task": TASK, "candidates_kind": KINDS, "today": date(2026, 11, 22), **kwargs})


def items(decision: Decision) -> dict[str, ChecklistItem]:
    return {item.id: item for item in decision.checklist}


def test_the_questions_are_the_lessons() -> None:
    groups = [question.group for question in QUESTIONS]
    assert sorted(set(groups)) == ["alternatives", "benefits", "costs", "use-case"]
    assert [q.id for q in QUESTIONS if q.group == "alternatives"] == ["prompt-engineering", "rag"]
    assert [q.id for q in QUESTIONS if q.group == "costs"] == ["tunability", "effort", "compute", "data"]
    assert [q.id for q in QUESTIONS if q.group == "benefits"] == ["quality", "cost", "extensibility"]
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    assert all(question.question.endswith("?") and question.why for question in QUESTIONS)


def test_nothing_is_ticked_without_a_measurement() -> None:
    assert {item.status for item in judged(None).checklist} == {"open"}
    zero_only = items(judged(made_run({ZERO: BASELINES[ZERO]})))
    assert zero_only["prompt-engineering"].status == "open", "zero-shot is where prompt engineering starts"
    assert zero_only["prompt-engineering"].evidence[0].text.startswith(ZERO)
    assert zero_only["quality"].status == "open"


def test_what_was_measured_is_ticked_with_its_figures() -> None:
    facts = TRAINED.model_copy(update={"seconds": Figure.measured(300, "s")})
    tokens = {TUNED: 50, FEW: 400}
    done = items(judged(made_run(BASELINES | {TUNED: right(0.8, seed=6)}, tokens=tokens), training=facts))
    measured = {name for name, item in done.items() if item.status == "measured"}
    assert measured == {"prompt-engineering", "rag", "tunability", "compute", "quality", "cost"}
    assert [found.text.split(":")[0] for found in done["rag"].evidence] == [RAG.split(":")[0]]
    assert "300 prompt" not in str(done["cost"]) and "400 prompt tokens" in str(done["cost"].evidence)
    assert done["data"].status == "open", "how many records there are does not say whether they are enough"
    assert any("320 training records" in found.text for found in done["data"].evidence)


def test_an_untrusted_comparison_does_not_tick_quality() -> None:
    few = made_run({ZERO: right(0.1, 12), FEW: right(0.2, 12), TUNED: right(1, 12)})
    assert items(judged(few, training=TRAINED))["quality"].status == "open"


def test_a_persons_word_stands_beside_what_was_measured() -> None:
    answers = {
        "use-case": Answered("yes", "generic ingredients of a recipe"),
        "effort": Answered("open"),
        "rag": Answered("no", "nothing to look up"),
    }
    done = items(judged(made_run(BASELINES), answers=answers))
    assert done["use-case"].status == "answered"
    assert done["use-case"].evidence[0].kind == "person"
    assert done["effort"].status == "open"
    assert done["rag"].status == "measured"
    assert [found.kind for found in done["rag"].evidence] == ["measured", "person"]


def test_a_lifecycle_is_quoted_with_its_date() -> None:
    found = items(judged(made_run(BASELINES), lifecycle=ENDED))["tunability"]
    assert found.status == "open"
    assert found.evidence[0].kind == "quoted"
    assert "cannot be trained" in found.evidence[0].text and "2026-11-01" in (found.evidence[0].source or "")


def test_the_report_says_what_the_decision_says() -> None:
    run = made_run(BASELINES | {TUNED: right(0.8, seed=6)})
    decision = judged(run, training=TRAINED)
    text = markdown(decision, run, "Recipes")
    assert text.startswith("# Recipes\n")
    assert "**Fine-tune.**" in text
    for row in decision.candidates:
        assert f"`{row.candidate}`" in text and f"{row.score:.3f}" in text
    for reason in decision.reasons:
        assert reason.code in text
    for question in QUESTIONS:
        assert question.question.replace("*", "") in text
    assert run.test_sha256 in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows[:7]} == {13}


def test_the_report_of_a_gap_has_the_command_to_paste() -> None:
    text = markdown(judged(made_run({ZERO: BASELINES[ZERO]})))
    assert "not enough evidence" in text
    assert re.search(r"```\n  ftwb evaluate .*few-shot:5.*\n  ```", text)
    assert markdown(judged(None))


def test_markup_in_names_is_text_in_the_report() -> None:
    evil = "local/a|b`c*<script>\x1b[31m"
    text = markdown(judged(made_run({evil: right(0.5)})), made_run({evil: right(0.5), ZERO: right(0.4)}), "a <b> | `c`")
    assert "\x1b" not in text
    assert "# a \\<b\\> \\| \\`c\\`" in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    widths = [{line.replace("\\|", "").count("|") for line in table.splitlines()} for table in tables]
    assert widths == [{13}, {9}]
