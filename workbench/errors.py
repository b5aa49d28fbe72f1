"""The errors a person reads: what failed, why, and what to do about it."""

from __future__ import annotations


class WorkbenchError(Exception):
    """Something a person can understand and act on.

    It is raised near its cause, carries its place in `what`, and is shown once: by the CLI as
    `ftwb: what: why; hint`, by a screen as a notice.
    """

    code: str = "failed"
    """A stable machine-readable name, printed with `--json`."""

    def __init__(self, what: str, why: str, hint: str = "", *, code: str | None = None, exit_code: int = 1) -> None:
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint
        self.exit_code = exit_code
        """1 failed, 2 usage or a yes that nobody could give, 3 problems found (see the command line contract)."""
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        """What failed and why, without the way out."""
        return f"{self.what}: {self.why}"

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message
