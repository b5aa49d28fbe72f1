"""Open another project, or make one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    from workbench.workflow.project import Project


class ProjectsDialog(Dialog[str]):
    """Closes with a project's slug, or `sample:NAME` for a new project made of a bundled sample."""

    TITLE_TEXT = "Projects"
    HINT = "enter opens · escape closes"

    def __init__(self, projects: list[Project], samples: list[str], present: str) -> None:
        super().__init__()
        self._projects, self._samples, self._present = projects, samples, present
        self._list = LineList()

    def compose_body(self) -> Iterable[Widget]:
        """Projects, then the samples that can be copied."""
        yield self._list

    def on_mount(self) -> None:
        """Stand on the project that is open."""
        slugs = [project.slug for project in self._projects]
        here = slugs.index(self._present) if self._present in slugs else 0
        self._list.show_rows(len(self._projects) + len(self._samples), self._row, cursor=here)
        self._list.focus()

    def _row(self, row: int) -> Line:
        if row < len(self._projects):
            project = self._projects[row]
            state = "open" if project.slug == self._present else ""
            return (
                Piece(f"{visible_line(project.title):<32} "),
                Piece(f"{project.slug} ", "muted"),
                Piece(state, "good"),
            )
        return (Piece("new from the sample ", "muted"), Piece(self._samples[row - len(self._projects)]))

    @on(LineList.Chosen)
    def choose(self, message: LineList.Chosen) -> None:
        """Close with what was chosen."""
        if message.row is None:
            return
        if message.row < len(self._projects):
            self.dismiss(self._projects[message.row].slug)
        else:
            self.dismiss(f"sample:{self._samples[message.row - len(self._projects)]}")
