"""The person's own editor: found, run on a file, read back exactly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.terminal.editor import EditorError, edit_outside, editor_command


@pytest.fixture
def editor(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """An environment whose EDITOR is a shell script; `$1` is the file."""

    def make(script: str, name: str = "ed it") -> dict[str, str]:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return {"PATH": os.environ["PATH"], "EDITOR": f"'{path}'", "TMPDIR": str(tmp_path)}

    return make


def test_what_the_editor_writes_comes_back(editor) -> None:
    """An option in the command and a blank in its path are kept apart as a shell would."""
    assert edit_outside("old", editor("printf 'new \\342\\202\\254' > \"$1\"")) == "new €"
    assert edit_outside("old", editor("true")) == "old"


@pytest.mark.parametrize(("before", "after"), [("a", "b"), ("a\n", "b\n"), ("a\r\nz\x1b", "b")])
def test_the_line_end_that_editors_add_is_taken_away_only_where_there_was_none(editor, before, after) -> None:
    assert edit_outside(before, editor("printf 'b\\n' > \"$1\"")) == after


def test_a_text_that_is_left_alone_is_exactly_the_same(editor) -> None:
    """Line ends, control characters, half a surrogate pair."""
    text = "a\r\nb\x00\x1b[31m\u2028\ud800\n\n"
    assert edit_outside(text, editor("true")) == text


def test_visual_comes_before_editor(editor) -> None:
    environ = editor('printf one > "$1"') | {"VISUAL": editor('printf two > "$1"', "other")["EDITOR"]}
    assert edit_outside("", environ) == "two"


def test_an_editor_that_fails_leaves_its_file(editor) -> None:
    """The error names it, so that nothing written is lost."""
    with pytest.raises(EditorError, match="ended with status 3") as caught:
        edit_outside("x", editor('printf kept > "$1"; exit 3'))
    path = Path(caught.value.hint.rpartition(" ")[2])
    assert path.read_text() == "kept"
    path.unlink()


def test_a_file_that_is_no_text_any_more_is_said(editor) -> None:
    with pytest.raises(EditorError, match="no UTF-8") as caught:
        edit_outside("x", editor("printf '\\377' > \"$1\""))
    Path(caught.value.what).unlink()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"EDITOR": "no-such-editor-here"}, "is not installed"),
        ({"VISUAL": "vi 'open"}, "is no command"),
        ({}, "no editor"),
    ],
)
def test_no_editor_is_one_sentence(tmp_path: Path, environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(EditorError, match=sentence):
        editor_command({"PATH": str(tmp_path)} | environ)
