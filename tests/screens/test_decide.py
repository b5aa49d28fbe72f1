"""The Decide screen: the verdict, what is missing, the checklist, break-even."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Input

from tests.screens.loop_workspace import ACCURACY, TUNED, Loop, loop  # noqa: F401 - a fixture
from workbench.catalog.figure import Figure
from workbench.providers.event_log import EventLog
from workbench.screens.decide import DecideScreen
from workbench.screens.decide_rows import candidates_in, entries_of, question_key
from workbench.screens.dialogs.answer import AnswerDialog
from workbench.screens.dialogs.break_even import BreakEvenDialog
from workbench.screens.dialogs.costs import CostsDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.dialogs.new_run import NewRunDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.screens.evaluate import EvaluateScreen
from workbench.testing import wait_idle
from workbench.workflow.job_records import job_folder
from workbench.workflow.project import open_project, update_project
from workbench.workflow.train import show_job


async def shown(pilot) -> DecideScreen:
    """The screen once it was judged."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, DecideScreen)
    assert pilot.app.screen.decision is not None
    return pilot.app.screen


async def test_nothing_measured_asks_for_the_baselines(loop, screen_text) -> None:  # noqa: F811
    """Not enough evidence; enter on what is missing opens the form for a run, the candidates chosen."""
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        text = screen_text(app)
        assert "? NOT ENOUGH EVIDENCE" in text
        assert "before training" in text
        assert "→ the baselines" in text
        await pilot.press("enter")
        await wait_idle(pilot)
        assert app.current_mode == "evaluate"
        assert isinstance(app.screen, NewRunDialog)
        chosen = [each.candidate for each in app.screen._list.choices if each.chosen]
        assert "local/starter+few-shot:5" in chosen


async def test_before_training_a_missing_model_leads_to_a_job(loop) -> None:  # noqa: F811
    """Its line opens the form for a new job."""
    loop.measured()
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        number = next(at for at, gap in enumerate(screen.decision.missing) if gap.command.startswith("ftwb job create"))
        screen._lines.go_to(f"missing {number}")
        await pilot.press("enter")
        await wait_idle(pilot)
        assert app.current_mode == "jobs"
        assert isinstance(app.screen, NewJobDialog)
        await pilot.press("escape")


async def test_a_better_tuned_model_is_the_verdict(loop, screen_text) -> None:  # noqa: F811
    """Fine-tune, after training, with its reasons, and every question with its status as word and glyph."""
    loop.measured({**ACCURACY, TUNED: 0.97})
    app = loop.app("decide")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        text = screen_text(app)
        for words in (
            "✓ FINE-TUNE",
            "after training",
            "the interval lies above 0",
            "● measured",
            "○ open",
            "Break-even",
        ):
            assert words in text


async def test_a_goal_that_is_met_untuned_says_do_not(loop, screen_text) -> None:  # noqa: F811
    """It can say don't."""
    loop.measured({"trivial/majority": 0.1, "local/starter": 0.99})
    task = loop.project.document.task.model_copy(update={"goal": 0.8})
    update_project(loop.context, loop.project, task=task.model_dump())
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "■ DO NOT FINE-TUNE" in screen_text(app)


async def test_an_answer_is_kept_with_the_project(loop, screen_text) -> None:  # noqa: F811
    """Enter on a question, yes, words, enter: answered, also after a restart."""
    loop.measured()
    app = loop.app("decide")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        item = next(item for item in screen.decision.checklist if item.status == "open")
        screen._lines.go_to(question_key(item.id))
        await pilot.press("enter")
        assert isinstance(app.screen, AnswerDialog)
        await pilot.press("g", "tab", *"said so", "enter")
        await wait_idle(pilot)
        assert "✓ answered" in screen_text(app)
        assert "· you: yes: said so" in screen_text(app)
    kept = open_project(loop.context, loop.project.slug).document.checklist[item.id]
    assert (kept.status, kept.text) == ("yes", "said so")


async def test_requests_per_month_are_kept(loop, screen_text) -> None:  # noqa: F811
    """m, a number, enter; emptied again it is not said."""
    loop.measured({**ACCURACY, TUNED: 0.97})
    app = loop.app("decide")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        assert "requests per month  not said" in screen_text(app)
        await pilot.press("m", *"12000", "enter")
        await wait_idle(pilot)
        assert "requests per month  12,000  yours" in screen_text(app)
        assert open_project(loop.context, loop.project.slug).document.requests_per_month == 12000
        await pilot.press("m", "ctrl+u", "enter")
        await wait_idle(pilot)
        assert "requests per month  not said" in screen_text(app)


async def test_the_report_is_written_beside_the_project(loop) -> None:  # noqa: F811
    """e: a Markdown file, and where it is."""
    loop.measured({**ACCURACY, TUNED: 0.97})
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("e")
        await wait_idle(pilot)
        assert isinstance(app.screen, MessageDialog)
    reports = list(loop.project.folder.glob("report-*.md"))
    assert len(reports) == 1
    assert "Fine-tune." in reports[0].read_text("utf-8")


async def test_a_gap_that_no_mode_fills_shows_its_command(loop) -> None:  # noqa: F811
    """A larger test set has to come from the person: the command is there to be copied."""
    loop.measured({**ACCURACY, TUNED: 0.95}, items=10)
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        number = next(at for at, gap in enumerate(screen.decision.missing) if "LARGER_TEST" in gap.command)
        screen._lines.go_to(f"missing {number}")
        assert screen.text_to_copy() == screen.decision.missing[number].command
        await pilot.press("enter")
        await wait_idle(pilot)
        assert isinstance(app.screen, TextDialog)


async def test_coming_back_judges_again_and_keeps_the_place(loop) -> None:  # noqa: F811
    """A run that was measured elsewhere changes the verdict; the cursor stays on its line."""
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        before = screen.decision.run
        screen._lines.go_to("break-even requests")
        await pilot.press("1")
        loop.measured()
        await pilot.press("3")
        await wait_idle(pilot)
        assert before is None
        assert screen.decision.run is not None
        assert screen._lines.key == "break-even requests"


async def test_it_works_in_another_app(loop) -> None:  # noqa: F811
    """Mounted by somebody else there are no modes to go to: the command is shown."""
    from textual.app import App

    class Other(App[None]):
        """Somebody else's app."""

        def on_mount(self) -> None:
            self.push_screen(DecideScreen(loop.context, loop.project))

    app = Other()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await shown(pilot)
        await pilot.press("enter")
        await wait_idle(pilot)
        assert isinstance(app.screen, TextDialog)


def test_the_candidates_of_a_command() -> None:
    """What the form for a run is opened with."""
    command = "ftwb evaluate --test 'a b.jsonl' --candidate local/starter --candidate 'local/x+rag:3' --max-tokens 12"
    assert candidates_in(command) == ["local/starter", "local/x+rag:3"]
    assert candidates_in("ftwb evaluate --candidate 'broken") == []


def priced(loop) -> None:  # noqa: F811
    """Prices for the fake provider's models, as the person's own: the profile is hosted here."""
    file = loop.context.home / "config.toml"
    own = {
        "local/starter": "input = 2.0\noutput = 8.0",
        "local/ft:starter": "input = 1.0\noutput = 4.0\nhosting_hour = 0.05",
    }
    file.write_text(file.read_text() + "".join(f'[prices."{name}"]\n{rates}\n' for name, rates in own.items()))


@pytest.fixture
def paying(loop) -> Loop:  # noqa: F811
    """A trained model that is as good as few-shot, whose training has a price, and a volume."""
    priced(loop)
    job = loop.job()
    loop.provider.finish(job.id)
    job = asyncio.run(show_job(loop.context, job.id))
    log = EventLog(job_folder(loop.context, job.profile, job.id))
    log.save_job(job.model_copy(update={"cost": Figure.quoted(25.0, "USD", "the provider's bill", "2026-11-01")}))
    accuracy = {
        **ACCURACY,
        "trivial/nearest": 0.3,
        "local/starter+few-shot:5": 0.9,
        f"local/{job.fine_tuned_model}": 0.9,
    }
    loop.measured(accuracy, items=120)
    update_project(loop.context, loop.project, requests_per_month=60_000)
    return loop


async def test_costs_of_every_candidate_stand_in_columns_with_their_origin(paying, screen_text) -> None:
    """Also at 80×24; the line below has the whole bill with its sources."""
    app = paying.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen._lines.go_to("cost local/starter+few-shot:5")
        await pilot.pause()
        text = screen_text(app)
        assert "once per 1,000 hosting/mo    a month" in text
        line = next(line for line in text.splitlines() if "local/starter+few-shot:5" in line and " e " in line)
        # 940 tokens x $2 and 4 x $8 a million; 60,000 requests a month.
        assert "$1.91 e" in line and "$114.72 e" in line
        await pilot.press("tab", "z")
        await wait_idle(pilot)
        zoomed = screen_text(app)
        assert "1,000 requests" in zoomed and "$1.91 estimated" in zoomed and "your own price" in zoomed


async def test_the_break_even_is_drawn_with_how_sure_it_is(paying, screen_text) -> None:
    """b: chart, sensitivity, months, complete at 80×24 by scrolling; y copies all of it."""
    app = paying.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        assert screen.decision.break_even is not None
        await pilot.press("b")
        await wait_idle(pilot)
        assert isinstance(app.screen, BreakEvenDialog)
        text = screen_text(app)
        assert "━━" in text and "●" in text and "months, at 60,000 requests a month" in text
        copied = app.screen.text_to_copy()
        for words in ("saving", "one-off", "prices", "tokens", "saving, one-off", "−20 %", "saved by then"):
            assert words in copied
        await pilot.press("end")
        await wait_idle(pilot)
        assert "saved by then" in copied and "12" in screen_text(app)
        await pilot.press("b")
        assert isinstance(app.screen, DecideScreen)


async def test_what_the_person_says_of_costs_changes_the_bill_and_is_kept(paying, screen_text) -> None:
    """c, a form: three hours at 20 dollars are 60 more, once."""
    app = paying.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        before = screen.decision.break_even.one_off.value
        await pilot.press("c")
        assert isinstance(app.screen, CostsDialog)
        app.screen.query_one("#data_hours", Input).value = "3"
        app.screen.query_one("#hourly_rate", Input).value = "many"
        await pilot.pause()
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert "is no number" in screen_text(app)
        app.screen.query_one("#hourly_rate", Input).value = "20"
        app.screen.query_one("#retrain_months", Input).value = "6"
        await pilot.pause()
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert screen.decision.break_even.one_off.value == pytest.approx(before + 60)
        assert screen.decision.break_even.months == 6
    kept = open_project(paying.context, paying.project.slug).document
    assert (kept.costs.data_hours, kept.costs.retrain_months, kept.requests_per_month) == (3, 6, 60_000)


async def test_one_key_runs_what_is_missing_where_it_costs_nothing(loop, monkeypatch) -> None:  # noqa: F811
    """On this machine the run begins at once; where a provider would be paid, the form comes first."""
    loop.measured({"trivial/majority": 0.1, "local/starter": 0.2})
    app = loop.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("x")
        await wait_idle(pilot)
        assert isinstance(app.screen, NewRunDialog), "the profile's kind is a provider's"
        await pilot.press("escape", "3")
        await shown(pilot)
        begun: list[list[str]] = []
        monkeypatch.setattr(EvaluateScreen, "begin", lambda self, wanted: begun.append(list(wanted)))
        local = {name: one.model_copy(update={"kind": "local"}) for name, one in loop.context.profiles().items()}
        monkeypatch.setattr(type(loop.context), "profiles", lambda self: local)
        await pilot.press("x")
        await wait_idle(pilot)
        assert app.current_mode == "evaluate"
    assert begun and "local/starter+few-shot:5" in begun[0] and "local/starter+rag:3" in begun[0]


def test_every_figure_of_break_even_says_its_origin() -> None:
    """Estimated by the formula, quoted by a table, or not measured."""
    from datetime import date

    from workbench.decide.breakeven import BreakEven
    from workbench.decide.decision import Decision, JudgedCandidate

    row = JudgedCandidate(
        candidate="openai/gpt",
        n=1,
        failed=0,
        kind="untuned",
        cost_per_1k=Figure.quoted(0.5, "USD/1k requests", "t", None),
    )
    one = BreakEven(
        requests_per_month=12_345, date=date(2027, 1, 2), band=(10_000, 15_000), bounded_by="2027-06-01", months=6.5,
        saving_per_1k=Figure.estimated(0.25, "USD", "t"), one_off=Figure.quoted(40, "USD", "t", None),
        hosting_month=Figure.estimated(0, "USD", "t"),
    )  # fmt: skip
    decision = Decision(
        stage="after-training", verdict="fine-tune", reasons=[], missing=[], checklist=[], candidates=[row],
        break_even=one, decided_on=date(2026, 11, 22),
    )  # fmt: skip
    text = "\n".join("".join(piece.text for piece in entry.line) for entry in entries_of(decision, 20_000))
    lines = text.splitlines()
    assert "12,345 requests a month  estimated; 10,000 to 15,000" in text
    assert "2027-01-02  estimated  the model retires on 2027-06-01" in text
    assert "$40.00  quoted" in text
    assert any(line.startswith("openai/gpt") and "$0.50 q" in line for line in lines)
