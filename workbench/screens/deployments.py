"""Deployments: what answers at Azure with its running meter, and the models and files that nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.message import Message

from workbench.actions import bindings_for
from workbench.screens.aside import aside
from workbench.screens.deployments_looking import Key, Looking, key_of
from workbench.terminal.escape import visible_line
from workbench.widgets.styles import stylesheet

if TYPE_CHECKING:
    from workbench.screens.dialogs.deployment import Wanted
    from workbench.workflow.deployments import Hosted


class Made(Message):
    """A deployment was asked for."""

    def __init__(self, one: Hosted) -> None:
        super().__init__()
        self.one = one


class Gone(Message):
    """Something was deleted."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class DeploymentsScreen(Looking):
    """Deployments above, what lingers below; escape goes back."""

    SHOWS_NEXT_STEP = False
    CSS = stylesheet("deployments")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("deployments"))
    AUTO_FOCUS = "#deployments LineList"
    HELP = """\
# Deployments and what lingers

At Azure a tuned model answers only where it is *deployed*, and a deployment costs by the hour whether anybody asks it \
or not. The meter above runs: what all of them cost by the hour and by the month, and have cost since they were made. \
Prices come from a dated table, from Azure's price list (`ftwb model prices --refresh`), or from you; below stands \
which.

Azure deletes by itself: the developer tier 24 hours after it was made, any other after 15 days without a call. The \
model is kept and can be deployed again.

Below are tuned models and files at all hosted providers. `space` marks, `d` deletes what is marked after a yes; what \
a running job or a deployment needs stays. `a` shows the commands of Azure's own tool that do the same. Training needs \
the role *Foundry User* on the resource, deploying *Foundry Owner*.
"""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "mark":
                return self.current is not None
            case "delete":
                return not self._acting and (self.current is not None or bool(self.marked))
            case "stop":
                return self._looking or bool(self._acting)
            case "new":
                return not self._acting
        return True

    def action_mark(self) -> None:
        """Mark what is under the cursor, and go on to the next."""
        if self.current is None:
            return
        key = key_of(self.current)
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None
        self._show_lists()
        self.list_in_use.list.cursor += 1

    def action_commands(self) -> None:
        """The commands of Azure's own tool."""
        from workbench.screens.dialogs.text import TextDialog

        commands = self._commands()
        text = "\n\n".join(f"# {name}\n{command}" for name, command in commands)
        nothing = "az knows deployments, files and models of Azure; no profile here names a resource of Azure's."
        self.app.push_screen(TextDialog("The same by az", text or nothing))

    def action_new(self) -> None:
        """Ask what to deploy; the price and a yes come before anything is spent."""
        from workbench.screens.dialogs.deployment import DeploymentDialog
        from workbench.screens.dialogs.message import MessageDialog
        from workbench.workflow.deployments import azure_profiles

        profiles = azure_profiles(self.context)
        if not profiles:
            why = "no Azure profile names its resource, which deployments belong to"
            self.app.push_screen(MessageDialog("Deploy a model", why, "F3 has the profiles: e edits one, n adds one"))
            return
        models = [one.id for one in self.lingering if one.kind == "model" and one.profile in profiles]
        one = self.current
        here = key_of(one)[2] if one is not None and key_of(one)[2] in models else ""
        self.app.push_screen(DeploymentDialog(self.context, profiles, models, here), self.wanted)

    def wanted(self, wanted: Wanted | None) -> None:
        """Make it after a yes; a recording makes nothing that could cost."""
        from workbench.screens.dialogs.confirm_command import ConfirmCommandDialog

        if wanted is None:
            return
        if self.context.profile(wanted.profile).replay:
            self.make(wanted)
            return
        detail = f"Hosting costs {wanted.price}, whether anybody asks it or not; tokens come on top."
        if wanted.tier == "developer":
            detail += " Azure deletes it after 24 hours."
        dialog = ConfirmCommandDialog(f"Deploy {wanted.model} as {wanted.name}?", detail, [wanted.command])

        def said(yes: bool | None) -> None:
            if yes:
                self.make(wanted)

        self.app.push_screen(dialog, said)

    @work(group="act", exit_on_error=False)
    async def make(self, wanted: Wanted) -> None:
        """Ask Azure for it, once; how it comes up is seen in the list."""
        from workbench.workflow.deployments import create_deployment

        self._acts(f"deploying {wanted.name}")
        try:
            made = await aside(
                create_deployment(
                    self.context, wanted.profile, wanted.model, wanted.name, tier=wanted.tier,
                    capacity=wanted.capacity, source=wanted.source, wait=False,
                )
            )  # fmt: skip
        finally:
            self._acts("")
        self.post_message(Made(made))

    @on(Made)
    def show_made(self, message: Made) -> None:
        """It is coming up."""
        one = message.one
        self.notify(f"{visible_line(one.name)}: {visible_line(one.status)}; it answers when it is ✓", markup=False)
        self.action_refresh()

    def action_delete(self) -> None:
        """Delete what is marked, else what is under the cursor, after a yes."""
        from workbench.screens.dialogs.confirm_command import ConfirmCommandDialog
        from workbench.workflow.cleanup import deletable, deleted_by_az

        if self.found is None:
            return
        keys = list(self.marked) or ([key_of(self.current)] if self.current is not None else [])
        chosen = deletable(self.found, keys)
        if not chosen:
            return
        what = f"the {chosen[0][1]} {chosen[0][2]}" if len(chosen) == 1 else f"these {len(chosen):,} for good"
        listed = "" if len(chosen) == 1 else "\n".join(f"{kind} {name} of {at}" for at, kind, name in chosen) + "\n\n"
        ends = any(kind == "deployment" for _, kind, _ in chosen)
        detail = "Whoever asks a deployment gets no answer any more; its model is kept." if ends else ""
        detail = detail or "It cannot be brought back."
        dialog = ConfirmCommandDialog(f"Delete {what}?", listed + detail, deleted_by_az(self.context, chosen))

        def said(yes: bool | None) -> None:
            if yes:
                self.delete(chosen)

        self.app.push_screen(dialog, said)

    @work(group="act", exit_on_error=False)
    async def delete(self, chosen: Sequence[Key]) -> None:
        """One after the other; the first refusal ends it, and what is gone is told."""
        from workbench.workflow.cleanup import delete

        def done(what: str) -> None:
            self.post_message(Gone(what))

        self._acts(f"deleting {len(chosen):,}")
        try:
            await aside(delete(self.context, chosen, done=done))
        finally:
            self._acts("")
            self.action_refresh()

    @on(Gone)
    def show_gone(self, message: Gone) -> None:
        """Say so."""
        self.notify(f"deleted {visible_line(message.what)}", markup=False)

    def _acts(self, what: str) -> None:
        self._acting = what
        self._show_meter()
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Stop what is under way; a request that was sent is not taken back."""
        self.workers.cancel_group(self, "look")
        self.workers.cancel_group(self, "act")
        self._looking = False
        self._show_meter()
        self.refresh_bindings()

    def action_back(self) -> None:
        """Back to where one was; not while a request is under way whose end must be seen."""
        if self._acting:
            self.notify(f"Still {self._acting}: x stops it.", severity="warning", markup=False)
        else:
            self.app.pop_screen()

    def text_to_copy(self) -> str:
        """What is below where the keys are there, else the name under the cursor."""
        if self.focused is self._about or self.current is None:
            return self._about.text
        return key_of(self.current)[2]
