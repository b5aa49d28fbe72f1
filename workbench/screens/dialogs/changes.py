"""Choose a change of many records at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.dialogs.rules import RuleCount
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

Step = dict[str, Any]


_TITLES = {"html": "HTML", "placeholders": "Personal data", "controls": "Control codes", "quotes": "Quoted mail"}


@dataclass(frozen=True, slots=True)
class _Offer:
    """One change: a step that is ready, or a form that asks for the rest."""

    title: str
    about: str
    step: Step | None = None
    form: Callable[[], ModalScreen[Any]] | None = None
    made: Callable[[Any], Step] = dict
    """The step, from what the form closes with."""


def _offers(
    rules: Sequence[RuleCount],
    fixable: Sequence[RuleCount],
    limit: int | None,
    model: str,
    rewrite: Callable[[], ModalScreen[Any]] | None,
) -> list[_Offer]:
    from workbench.dataset.recipe.clean import CLEANERS
    from workbench.screens.dialogs.limit import LimitDialog
    from workbench.screens.dialogs.replace import ReplaceDialog
    from workbench.screens.dialogs.rules import RulesDialog

    found = sum(rule.count for rule in fixable)
    return [
        _Offer(
            "Fix",
            f"{found:,} findings have a fix that changes no meaning",
            form=lambda: RulesDialog("Fix what these rules found", fixable, chosen=True),
            made=lambda codes: {"kind": "fix", "rules": codes},
        ),
        _Offer("Find and replace", "text or a regular expression, in whose texts you like", form=ReplaceDialog),
        *(
            _Offer(
                _TITLES.get(cleaner.name, cleaner.name.capitalize()),
                cleaner.title,
                step={"kind": "clean", "fix": cleaner.name},
            )
            for cleaner in CLEANERS.values()
        ),
        _Offer("Duplicates", "copies go, the first stays", step={"kind": "dedupe"}),
        _Offer("Near-duplicates", "records that are almost the same go too", step={"kind": "dedupe", "near": True}),
        _Offer(
            "Drop by rule",
            "records go that have findings of the rules you choose",
            form=lambda: RulesDialog("Drop records with findings of", rules),
            made=lambda codes: {"kind": "drop", "rules": codes},
        ),
        _Offer(
            "Too long", "records over a number of tokens: dropped or trimmed", form=lambda: LimitDialog(limit, model)
        ),
        *(
            [_Offer("Rewrite", "a model of any profile writes texts anew; the price first", form=rewrite)]
            if rewrite
            else []
        ),
    ]


class ChangesDialog(Dialog[Step]):
    """Closes with a step of a recipe, or None."""

    HINT = "enter shows what would change · escape closes"

    def __init__(
        self,
        said: str,
        *,
        rules: Sequence[RuleCount] = (),
        fixable: Sequence[RuleCount] = (),
        limit: int | None = None,
        model: str = "",
        rewrite: Callable[[], ModalScreen[Any]] | None = None,
    ) -> None:
        super().__init__()
        self._said = said
        """Which records: `the 12 chosen records`."""
        self._offers = _offers(rules, fixable, limit, model, rewrite)
        self._list = LineList(id="changes")

    def compose_body(self) -> Iterable[Widget]:
        """The changes there are."""
        yield Static(f"Change {visible_line(self._said)}", classes="title", markup=False)
        yield self._list

    def on_mount(self) -> None:
        """The first has the cursor."""
        self._list.show_rows(len(self._offers), self._row)
        self._list.focus()

    def _row(self, row: int) -> Line:
        offer = self._offers[row]
        return (Piece(f"{offer.title:<17} ", "strong"), Piece(offer.about, "muted"))

    @on(LineList.Chosen, "#changes")
    def chosen(self, message: LineList.Chosen) -> None:
        """Close with the step, or ask for the rest of it."""
        if message.row is None:
            return
        offer = self._offers[message.row]
        if offer.form is None:
            self.dismiss(offer.step)
            return

        def answered(answer: Any) -> None:
            if answer is not None:
                self.dismiss(offer.made(answer))

        self.app.push_screen(offer.form(), answered)
