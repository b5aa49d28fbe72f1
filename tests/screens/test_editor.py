"""The record editor: every edit by key, the rules alongside, nothing lost."""

from __future__ import annotations

import contextlib
import copy
import json
from dataclasses import replace

import pytest
from textual.app import App

from tests.screens.editor_cases import BROKEN, CHAT, PAIR, edit, opened, paste, press
from workbench.dataset.formats import Format
from workbench.dataset.rows import DecodeError, decode
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.json_text import JsonDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.editor import EditorScreen
from workbench.testing import wait_idle
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.text_editor import LARGEST, TextEditor


def simple(*texts: str) -> dict:
    """A conversation of user and assistant in turn."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]}


def roles_of(value: dict) -> list[str]:
    return [message["role"] for message in value["messages"]]


def texts_of(value: dict) -> list[str]:
    return [message["content"] for message in value["messages"]]


async def test_a_text_is_edited_applied_and_only_it_has_changed(ftwb_app) -> None:
    """enter, type, ctrl+s; the record that was given is untouched."""
    app, results = ftwb_app(), []
    before = copy.deepcopy(CHAT)
    async with app.run_test(size=(80, 24)) as pilot:
        await edit(pilot, opened(CHAT), results)
        await press(pilot, "j", "enter", "H", "i", "space", "ctrl+s")
    assert before == CHAT
    edited = results[0]
    assert edited.title == "text of message 1"
    before["messages"][1]["content"] = "Hi " + before["messages"][1]["content"]
    assert json.dumps(edited.value) == json.dumps(before)


async def test_control_characters_are_glyphs_here_and_come_back(ftwb_app, screen_text) -> None:
    """Nothing that a terminal obeys is on screen; form feeds and line ends are kept as they are."""
    text = "a\x1b]52;c;aGk=\x07\r\nb\x0cc\u2028d\u202e\ud800"
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple(text, "y")), results)
        assert "a␛]52;c;aGk=␇␍" in screen_text(app)
        screen.query_one(TextEditor).position = len(text)
        await press(pilot, "enter", "Z", "ctrl+s")
    assert texts_of(results[0].value)[0] == text + "Z"


async def test_looking_around_changes_nothing(ftwb_app) -> None:
    """Null contents stay null; leaving asks nothing and hands nothing back."""
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(CHAT), results)
        for _ in screen.draft.parts:
            await pilot.press("enter", "right", "escape", "j")
        await wait_idle(pilot)
        assert not screen.draft.changed
        assert screen.draft.value is CHAT
        await press(pilot, "escape")
    assert results == [None]


async def test_the_keys_of_the_list_do_what_they_say(ftwb_app) -> None:
    """One record through every edit; each is one step back, and the last one back is the record."""
    first = simple("one two", "three")
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(first))
        draft = screen.draft
        await press(pilot, "r")
        assert roles_of(draft.value) == ["assistant", "assistant"]
        await press(pilot, "u", "j", "t")
        assert draft.value["messages"][1]["weight"] == 0
        await press(pilot, "a")
        assert roles_of(draft.value) == ["user", "assistant", "user"]
        assert screen.part.message == ("messages", 2)
        await press(pilot, "A", "d")
        assert roles_of(draft.value) == ["user", "assistant", "user"]
        await press(pilot, "K")
        assert roles_of(draft.value) == ["user", "user", "assistant"]
        await press(pilot, "J", "D")
        assert len(draft.value["messages"]) == 4
        await press(pilot, "g", "enter", *["right"] * 4, "escape", "x")
        assert texts_of(draft.value)[:2] == ["one ", "two"]
        await press(pilot, "plus")
        assert texts_of(draft.value)[0] == "one \ntwo"
        for _ in range(len(draft.steps)):
            await press(pilot, "u")
        assert draft.value is first
        await press(pilot, "U")
        assert draft.changed


async def test_what_cannot_be_done_is_said_and_changes_nothing(ftwb_app) -> None:
    """In a sentence with the way out."""
    app = ftwb_app()
    async with app.run_test(size=(100, 24), notifications=True) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        for key, sentence in (
            ("t", "never trained"),
            ("plus", "different roles"),
            ("w", "one answer"),
            ("x", "cursor"),
        ):
            await press(pilot, key)
            assert sentence in [notice.message for notice in app._notifications][-1], key
        assert screen.draft.value == simple("q", "a")


async def test_the_rules_look_while_one_types(ftwb_app, until) -> None:
    """A finding goes when its cause does, and tokens are counted anew."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(CHAT))
        says = screen.query_one("#says", Reading)
        assert "unrecognized_role: message 1" in says.text
        await press(pilot, "e")
        assert screen.part.role == "human"
        await press(pilot, "r")
        assert says.text == ""
        before = screen.looked.tokens.total
        await press(pilot, "enter", *"many more words ")
        await until(pilot, lambda: screen.looked.tokens.total > before)


async def test_a_profile_brings_its_rules_and_a_model_its_tokens(ftwb_app) -> None:
    """What the record is checked against is handed over."""
    named = simple("q", "a")
    named["messages"][0]["name"] = "not allowed!"
    app = ftwb_app()
    async with app.run_test() as pilot:
        plain = await edit(pilot, opened(named))
        hosted = await edit(pilot, opened(named, profile="openai", model="gpt-4o"))
        assert not plain.looked.findings
        assert [finding.message_index for finding in hosted.looked.findings] == [0]
        assert (plain.looked.exact, hosted.looked.exact) == (False, True)


async def test_tools_are_kept_only_as_checked_json(ftwb_app, screen_text) -> None:
    """Where it breaks is told by line and column while one types; escape keeps the old ones."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        await press(pilot, "T")
        await paste(pilot, "[x]")
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, JsonDialog)
        assert "line 1, column 2" in screen_text(app)
        await paste(pilot, '[{"type": "function", "function": {}}]')
        await press(pilot, "ctrl+s")
        assert "has no name" in screen_text(app)
        await press(pilot, "escape")
        assert app.screen is screen
        assert "tools" not in screen.draft.value
        await press(pilot, "T")
        await paste(pilot, '[{"type": "function", "function": {"name": "f"}}]')
        await press(pilot, "ctrl+s")
        assert screen.draft.value["tools"] == [{"type": "function", "function": {"name": "f"}}]
        await press(pilot, "T", "f7", "delete", "ctrl+s")
        assert "tools" not in screen.draft.value


async def test_a_message_and_the_record_can_be_edited_as_json(ftwb_app, screen_text) -> None:
    """A name, a call, an unknown key; another shape is refused."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        await press(pilot, "m")
        await paste(pilot, '{"role": "user", "content": "q", "name": "ann"}')
        await press(pilot, "ctrl+s")
        assert screen.draft.value["messages"][0]["name"] == "ann"
        await press(pilot, "R")
        await paste(pilot, '{"text": "no messages"}')
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, JsonDialog)
        assert "messages: is missing" in screen_text(app) or "is null, not a list" in screen_text(app)
        await paste(pilot, '{"messages": [], "k": 1}')
        await press(pilot, "ctrl+s")
        assert screen.draft.value == {"messages": [], "k": 1}
        assert screen.part.empty_section
        await press(pilot, "a")
        assert screen.draft.value["messages"] == [{"role": "user", "content": ""}]


async def test_leaving_with_changes_asks(ftwb_app) -> None:
    """n stays, y leaves without them."""
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")), results)
        await press(pilot, "r", "escape")
        assert isinstance(app.screen, ConfirmDialog)
        await press(pilot, "n")
        assert app.screen is screen
        await press(pilot, "escape", "y")
        assert not isinstance(app.screen, EditorScreen)
    assert results == [None]


async def test_typing_is_one_step_until_one_looks_elsewhere(ftwb_app) -> None:
    """`u` takes back words, not letters; ctrl+z in the text takes back less."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        await press(pilot, "enter", *"abc", "escape", "enter", *"de", "escape")
        assert len(screen.draft.steps) == 2
        await press(pilot, "u")
        assert texts_of(screen.draft.value)[0] == "abcq"
        await press(pilot, "u")
        assert not screen.draft.changed


async def test_a_broken_row_is_text_until_it_is_json(ftwb_app, screen_text) -> None:
    """Its place is said, ctrl+s refuses with the place, and applies once it is repaired."""
    with pytest.raises(DecodeError) as caught:
        decode(BROKEN, 12)
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(caught.value), results)
        assert "column 31" in screen_text(app)
        assert screen.query_one(TextEditor).position == 30, "the cursor stands where it stops being JSON"
        await press(pilot, "x", "ctrl+s")
        assert isinstance(app.screen, MessageDialog)
        await press(pilot, "enter", "backspace")
        text = screen.query_one(TextEditor)
        text.position = BROKEN.index(b'" "content') + 1
        await press(pilot, "comma", "ctrl+s")
    assert results[0].value == simple("x", "y")


async def test_a_row_that_was_cut_off_is_repaired_at_its_end(ftwb_app) -> None:
    """Where the missing characters go is where the cursor stands; ctrl+home and ctrl+end go all the way."""
    cut = json.dumps(simple("x", "y")).encode()[:-4]
    with pytest.raises(DecodeError) as caught:
        decode(cut, 12)
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, replace(opened(caught.value), raw=cut), results)
        text = screen.query_one(TextEditor)
        assert text.position == len(cut)
        await press(pilot, "ctrl+home")
        assert text.position == 0
        await press(pilot, "ctrl+end", *'"}]}', "ctrl+s")
    assert results[0].value == simple("x", "y")


async def test_a_record_of_another_shape_is_edited_as_json(ftwb_app, screen_text) -> None:
    app, results = ftwb_app(), []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened({"messages": "none", "k": 1}), results)
        assert screen.draft.is_text
        assert "`messages` is text" in screen_text(app)
        screen.query_one(TextEditor).text = json.dumps(simple("q", "a"))
        await wait_idle(pilot)
        await press(pilot, "ctrl+s")
    assert results[0].value == simple("q", "a")


async def test_every_format_has_its_fields_in_the_list(ftwb_app, screen_text) -> None:
    """A pair has headings; `w` swaps its answers, `v` compares them."""
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        alpaca = {"instruction": "do it", "input": "", "output": "done"}
        screen = await edit(pilot, opened(alpaca, Format.ALPACA))
        assert [part.role for part in screen.draft.parts] == ["instruction", "input", "output"]
        pair = await edit(pilot, opened(PAIR, Format.PREFERENCE))
        assert "non_preferred_output" in screen_text(app)
        await press(pilot, "w")
        assert "white" in pair.draft.value["preferred_output"][0]["content"]
        await press(pilot, "v")
        assert "⟦white⟧" in screen_text(app)


async def test_a_message_of_a_megabyte_does_not_hold_the_screen(ftwb_app, screen_text) -> None:
    """Its beginning is shown, and where it can be edited is said."""
    large = "word " * 200_000
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple(large, "a")))
        text = screen.query_one(TextEditor)
        assert text.too_large
        assert text.document.line_count < 1000 and len(text.text) < LARGEST
        assert "E edits all" in screen_text(app)
        await press(pilot, "enter", "Z", "escape", "j", "r")
        assert texts_of(screen.draft.value)[0] == large


async def test_the_text_can_be_edited_in_the_persons_own_editor(ftwb_app, tmp_path, monkeypatch) -> None:
    """While the app stands aside; what it wrote is one step."""
    script = tmp_path / "ed"
    script.write_text("#!/bin/sh\nprintf 'from outside' > \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setattr(App, "suspend", lambda self: contextlib.nullcontext())
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        await press(pilot, "E")
        assert texts_of(screen.draft.value)[0] == "from outside"
        assert screen.query_one(TextEditor).value == "from outside"
        assert screen.draft.steps == ["text of message 0"]


@pytest.mark.parametrize(("suspends", "sentence"), [(False, "needs a real terminal"), (True, "is not installed")])
async def test_without_a_terminal_or_an_editor_there_is_a_sentence(
    ftwb_app, screen_text, monkeypatch, suspends, sentence
) -> None:
    """And the editor here goes on."""
    monkeypatch.setenv("VISUAL", "no-such-editor")
    if suspends:
        monkeypatch.setattr(App, "suspend", lambda self: contextlib.nullcontext())
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(simple("q", "a")))
        await press(pilot, "E")
        assert sentence in screen_text(app)
        await press(pilot, "enter")
        assert app.screen is screen
        assert not screen.draft.changed


async def test_it_opens_on_the_message_that_a_finding_names(ftwb_app) -> None:
    app = ftwb_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await edit(pilot, opened(CHAT), at=3)
        assert screen.part.role == "tool"
        assert screen.query_one("#parts", LineList).has_focus
