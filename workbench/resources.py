"""Where the shipped files are: styles and samples, in a wheel, an editable install or a checkout alike."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import WorkbenchError

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    """The folder `name`: inside the package when installed from a wheel, else beside it in the checkout."""
    for candidate in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise WorkbenchError(
        f"the folder {name!r}",
        "is missing from this installation",
        "reinstall ftwb",
        code="broken_installation",
    )


def styles_dir() -> Path:
    """The folder of TCSS files."""
    return _shipped("styles")


def samples_dir() -> Path:
    """The folder of bundled datasets and projects."""
    return _shipped("samples")
