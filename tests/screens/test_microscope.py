"""The microscope and the pair view: templates, limits, boundaries, sides."""

from __future__ import annotations

from tests.screens.editor_cases import CHAT, PAIR, edit, opened, press
from workbench.dataset.formats import Format
from workbench.screens.microscope import MicroscopeScreen
from workbench.screens.pair import PairScreen, pair_lines
from workbench.testing import wait_idle
from workbench.widgets.reading import Reading


async def look(pilot, value=CHAT, fmt=Format.CHAT, model="gpt-4o") -> MicroscopeScreen:
    """The microscope over the app's first screen, once it has looked."""
    await wait_idle(pilot)
    screen = MicroscopeScreen(pilot.app.context, pilot.app.project, value, fmt, "record 12 of 330", model)
    pilot.app.push_screen(screen)
    await wait_idle(pilot)
    return screen


def shown(screen: MicroscopeScreen) -> str:
    return screen.query_one("#tokens", Reading).text


async def test_trained_lines_have_a_bar_and_specials_brackets(ftwb_app) -> None:
    """Not by colour alone: the same text says it."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot)
        text = shown(screen)
        assert "▌ shipping⟨<|im_end|>⟩" in text
        assert "  unknown⟨<|im_end|>⟩⏎" in text
        assert "␛[31mparcel? [bold]no markup[/bold]" in text
        assert "\x1b" not in text


async def test_m_in_the_editor_shows_the_record_as_it_is_now(ftwb_app) -> None:
    """With what was typed; escape goes back to the editor."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await edit(pilot, opened(CHAT))
        await press(pilot, "enter", *"NEW", "escape", "M")
        screen = app.screen
        assert isinstance(screen, MicroscopeScreen)
        screen.model = None
        screen._ask()
        await wait_idle(pilot)
        assert "NEWAnswer with one label" in shown(screen)
        await press(pilot, "escape")
        assert app.screen is editor


async def test_t_goes_through_the_templates(ftwb_app) -> None:
    """A hosted model's own is not published and is not offered."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot)
        seen = [screen.magnified.lens.template]
        for _ in range(3):
            await press(pilot, "t")
            seen.append(screen.magnified.lens.template)
            assert ("⟨<|im_start|>⟩" in shown(screen)) == (seen[-1] == "chatml")
        assert seen == ["chatml", "zephyr", "none", "chatml"]


async def test_the_limit_cuts_and_says_so(ftwb_app, screen_text) -> None:
    """A line where the cut is, the rest marked as lost; an emptied field is the model's limit again."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot)
        await press(pilot, "l", "ctrl+a", "ctrl+k", *"20", "enter")
        assert "cut here: 20 of" in shown(screen)
        assert "░ " in shown(screen).partition("cut here")[2]
        assert "▌" not in shown(screen)
        assert "cut at 20" in screen_text(app)
        await press(pilot, "l", "ctrl+a", "ctrl+k", "enter")
        assert "cut here" not in shown(screen)


async def test_b_shows_where_tokens_end(ftwb_app) -> None:
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot)
        assert "│" not in shown(screen)
        await press(pilot, "b")
        assert "Answer│·with│·one" in shown(screen)
        await press(pilot, "b")
        assert "│" not in shown(screen)


async def test_another_model_can_be_chosen(ftwb_app) -> None:
    """An emptied line is the cookbook's encoding."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot)
        await press(pilot, "m", "ctrl+a", "ctrl+k", "enter")
        assert screen.magnified.lens.model == "cl100k_base"


async def test_what_cannot_be_shown_is_a_sentence_on_the_screen(ftwb_app, screen_text) -> None:
    """No dialog to close at every look; another template or model may be chosen."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot, {"messages": 3})
        assert "✗ the record: messages: is a number" in shown(screen)
        assert "cannot be shown" in screen_text(app)


async def test_w_shows_the_other_answer_of_a_pair(ftwb_app) -> None:
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await look(pilot, PAIR, Format.PREFERENCE)
        assert "▌ A black cat" in shown(screen)
        await press(pilot, "w")
        assert "▌ A white cat" in shown(screen)


async def test_the_answers_stand_side_by_side_only_where_there_is_room(ftwb_app) -> None:
    """Words that only one has stand in brackets; `d` leaves out what both share."""
    long = {
        "prompt": "q",
        "chosen": "same words again and again " * 20 + "good",
        "rejected": "same words again and again " * 20 + "bad",
    }
    for width, beside in ((80, False), (120, True)):
        app = ftwb_app()
        async with app.run_test(size=(width, 24)) as pilot:
            await wait_idle(pilot)
            screen = PairScreen(app.context, app.project, long, Format.TRL_PREFERENCE, "record 1")
            app.push_screen(screen)
            await wait_idle(pilot)
            preferred, other = screen.query_one("#preferred", Reading), screen.query_one("#other", Reading)
            assert (preferred.region.y == other.region.y) == beside
            assert "⟦good⟧" in preferred.text and "⟦bad⟧" in other.text
            lines = len(preferred.text.splitlines())
            await press(pilot, "d")
            assert "[…]" in preferred.text and len(preferred.text.splitlines()) < lines


def test_a_pair_as_lines_for_any_width() -> None:
    """For the record view too; a pair of another shape is said."""
    text = "\n".join("".join(piece.text for piece in line) for line in pair_lines(PAIR, Format.PREFERENCE, 40))
    assert "⟦black⟧" in text and "⟦white⟧" in text
    assert all(len(line) <= 40 for line in text.splitlines())
    (fault,) = pair_lines({"chosen": 1}, Format.TRL_PREFERENCE, 40)
    assert "rejected" in fault[0].text
