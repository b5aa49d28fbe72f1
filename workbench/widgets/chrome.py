"""The two lines that every screen has: the modes above, the keys below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.screen import Screen

from workbench.actions import ACTIONS, MODES, by_id, key_name
from workbench.terminal.escape import visible_line
from workbench.widgets.textline import Piece, TextLine, width_of


class ModeLine(TextLine):
    """`ftwb · project` and the five modes, the present one in brackets: in one row, without motion."""

    def __init__(self, project: str, mode: str) -> None:
        super().__init__()
        self.project = project
        self.mode = mode

    def on_mount(self) -> None:
        """Draw once: nothing here changes while the screen lives."""
        left = (Piece(" ftwb", "accent"), Piece(f"  {visible_line(self.project)} "))
        # In another app there are no modes to switch to.
        self.show(left, tuple(self._modes()) if hasattr(self.app, "action_mode") else ())

    def _modes(self) -> Iterator[Piece]:
        for number, (name, title) in enumerate(MODES.items(), start=1):
            here = name == self.mode
            text = f"[{number} {title}]" if here else f" {number} {title} "
            yield Piece(text, "accent" if here else "muted", f"app.mode('{name}')")


class KeyLine(TextLine):
    """The keys that work now, from the registry, in its order; the help keys on the right."""

    def on_mount(self) -> None:
        """Follow the bindings: focus, state and the person's keymap change them."""
        self.screen.bindings_updated_signal.subscribe(self, self.show_keys)
        self.show_keys(self.screen)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.show_keys(self.screen)

    def show_keys(self, screen: Screen[Any]) -> None:
        """Show as many as fit."""
        if screen is not self.screen or not self.is_attached or not self.size.width:
            return
        active: dict[str, str] = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.id and enabled:
                active.setdefault(binding.id, binding.key)
        own = [action for action in ACTIONS if action.footer and action.id in active]
        right = [piece for action in own if action.scope == "app" for piece in _key(action.id, active)]
        room = self.size.width - width_of(right) - 1
        left: list[Piece] = []
        for action in sorted(
            (action for action in own if action.scope != "app"), key=lambda action: action.scope == "list"
        ):
            more = _key(action.id, active)
            if width_of(left) + width_of(more) > room:
                break
            left += more
        self.show(left, right)


def _key(action_id: str, active: dict[str, str]) -> list[Piece]:
    action = by_id(action_id)
    if action is None:
        return []
    target = "app" if action.scope == "app" else "screen"
    call = action.action if "." in action.action.partition("(")[0] else f"{target}.{action.action}"
    return [Piece(f" {key_name(active[action_id])} ", "key", call), Piece(f"{action.footer} ", "muted", call)]
