"""What must stay light: the version, the help, and every domain room."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORBIDDEN = ("textual", "torch", "openai", "datasets", "pyarrow")
ROOMS = (
    "workbench.workflow.context", "workbench.workflow.quickstart", "workbench.decide", "workbench.decide.verdict",
    "workbench.evaluate", "workbench.evaluate.runner", "workbench.providers", "workbench.providers.local",
    "workbench.providers.profiles", "workbench.dataset", "workbench.dataset.rows", "workbench.dataset.rules",
    "workbench.dataset.template", "workbench.dataset.sources", "workbench.catalog", "workbench.catalog.prices",
    "workbench.workspace.store",
)  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """The forbidden modules that are loaded once `code` has run in a new interpreter."""
    program = f"import sys\n{code}\nprint('LOADED', *[name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_heavy(option: str) -> None:
    """They must answer at once, also on a machine where a heavy package is broken."""
    code = f"from workbench.cli import main\ntry:\n    main([{option!r}])\nexcept SystemExit:\n    pass"
    assert loaded_after(code) == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_domain_room_can_be_used_without_the_app_and_the_heavy_stacks(room: str) -> None:
    """A notebook may import a room without paying for Textual, torch or the SDK."""
    assert loaded_after(f"import {room}") == set()


def test_the_check_notices_a_heavy_import() -> None:
    """The check itself can fail."""
    assert "textual" in loaded_after("import textual")


def test_version_does_not_even_load_pydantic() -> None:
    """`ftwb --version` is asked by scripts in loops."""
    code = (
        "import sys\nfrom workbench.cli import main\ntry:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "print('PYDANTIC', 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "PYDANTIC False" in done.stdout
