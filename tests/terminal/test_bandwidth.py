"""Which environments get the low-bandwidth profile, and that Textual then really draws less."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.terminal.bandwidth import is_low_bandwidth, prepare_environment

SSH = {"SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 22"}


@pytest.mark.parametrize(
    ("environ", "low"),
    [({}, False), (SSH, True), ({**SSH, "FTWB_LOW_BANDWIDTH": "0"}, False), ({"FTWB_LOW_BANDWIDTH": "yes"}, True)],
)
def test_ssh_spares_the_connection_unless_told_otherwise(environ: dict[str, str], low: bool) -> None:
    """The person's word counts more than the guess."""
    assert is_low_bandwidth(environ) is low


def test_a_flag_beats_the_environment() -> None:
    """`--low-bandwidth`, or a preference, either way."""
    assert prepare_environment({}, low_bandwidth=True)
    assert not prepare_environment(dict(SSH), low_bandwidth=False)


def test_what_the_person_set_for_textual_stays() -> None:
    """Only what is not set is set."""
    environ = {**SSH, "TEXTUAL_FPS": "30"}
    prepare_environment(environ)
    assert environ["TEXTUAL_FPS"] == "30"
    assert environ["TEXTUAL_ANIMATIONS"] == "none"


def test_an_empty_no_color_means_nothing() -> None:
    """no-color.org: present *and not empty*; Textual looks only for its presence."""
    environ = {"NO_COLOR": ""}
    prepare_environment(environ)
    assert environ == {}


def test_the_terminal_says_its_size_itself() -> None:
    """Python asks `COLUMNS` and `LINES` first; some launchers export them once and for all."""
    environ = {"COLUMNS": "80", "LINES": "24"}
    prepare_environment(environ)
    assert environ == {}


def test_textual_reads_it() -> None:
    """The variables are those of this Textual version, and set in time."""
    code = (
        "import os; from workbench.terminal.bandwidth import prepare_environment as prepare; prepare(os.environ, True);"
        "from textual import constants as c; print(c.MAX_FPS, c.TEXTUAL_ANIMATIONS, c.SMOOTH_SCROLL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["10", "none", "False"]
