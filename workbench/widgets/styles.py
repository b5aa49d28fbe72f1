"""The TCSS files in `styles/`, each with the tokens before it."""

from __future__ import annotations

from functools import cache

from workbench.resources import styles_dir


@cache
def stylesheet(*names: str) -> str:
    """The text of `tokens.tcss` and then of each `NAME.tcss`.

    Textual's variables end with their file, and a screen that is mounted in another app brings no theme variables
    along: so the tokens travel with every sheet.
    """
    return "\n".join((styles_dir() / f"{name}.tcss").read_text("utf-8") for name in ("tokens", *names))
