"""What comes after a job: another one like it, one that goes on from a checkpoint, a deployment, the rescue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from workbench.screens.aside import aside
from workbench.screens.jobs_watching import Watching
from workbench.terminal.escape import visible_line
from workbench.widgets.words import day_and_time

if TYPE_CHECKING:
    from workbench.providers.jobs import Checkpoint, Job
    from workbench.screens.dialogs.checkpoints import State, Use
    from workbench.screens.dialogs.deploy import DeployAnswer
    from workbench.workflow.deployments import Hosted
    from workbench.workflow.like import Pattern

ENGINE_CONTINUES = "Our engine trains base models only: `ftwb job export ID --to DIR --merge` makes one of it."


class PatternFound(Message):
    """An earlier job as the start of another one."""

    def __init__(self, pattern: Pattern, title: str) -> None:
        super().__init__()
        self.pattern = pattern
        self.title = title


class CheckpointsFound(Message):
    """What a job has left."""

    def __init__(self, job: Job, checkpoints: Sequence[Checkpoint]) -> None:
        super().__init__()
        self.job = job
        self.checkpoints = checkpoints


class Deployed(Message):
    """A deployment has come up, or is on its way."""

    def __init__(self, text: str, made: Hosted | None = None) -> None:
        super().__init__()
        self.text = text
        self.made = made


class GoingOn(Watching):
    """Base of the Jobs screen: what begins at the job under the cursor."""

    def job_created(self, job: Job | None) -> None:
        """A new job exists."""
        raise NotImplementedError

    def action_details(self) -> None:
        """Everything that is known of the job."""
        from workbench.screens.dialogs.text import TextDialog
        from workbench.workflow.job_facts import NOTHING, facts

        if self.job is None:
            return
        rows = facts(self.job, lambda at: day_and_time(at) if at else NOTHING)
        width = max(len(name) for name, _ in rows)
        self.app.push_screen(TextDialog("The job", "\n".join(f"{name:<{width}}  {text}" for name, text in rows)))

    # Another one ----------------------------------------------------------------------------------------------------

    def action_clone(self) -> None:
        """The form of a new job, filled with this one."""
        if self.job is not None:
            self.find_pattern(self.job.id, f"New job like {self.job.id}")

    @work(exclusive=True, group="pattern", exit_on_error=False)
    async def find_pattern(self, job_id: str, title: str, model: str = "") -> None:
        """Read its record and know its files again."""
        import dataclasses

        from workbench.workflow.like import pattern_of

        found = await aside(pattern_of(self.context, job_id))
        self.post_message(PatternFound(dataclasses.replace(found, model=model) if model else found, title))

    @on(PatternFound)
    def show_pattern(self, message: PatternFound) -> None:
        """To be changed and created."""
        from workbench.screens.dialogs.new_job import NewJobDialog

        self.app.push_screen(NewJobDialog(self.context, self.project, message.pattern, message.title), self.job_created)

    # Checkpoints ----------------------------------------------------------------------------------------------------

    def action_checkpoints(self) -> None:
        """What the job has left."""
        if self.job is not None:
            self.find_checkpoints(self.job)

    @work(exclusive=True, group="checkpoints", exit_on_error=False)
    async def find_checkpoints(self, job: Job) -> None:
        """Ask its provider."""
        from workbench.workflow.train import checkpoints

        self.post_message(CheckpointsFound(job, await aside(checkpoints(self.context, job.id))))

    @on(CheckpointsFound)
    def show_checkpoints(self, message: CheckpointsFound) -> None:
        """To be chosen from."""
        from workbench.screens.dialogs.checkpoints import CheckpointsDialog, states_of

        job, profile = message.job, self.context.profile(message.job.profile)
        dialog = CheckpointsDialog(
            f"What {job.id} has left",
            states_of(job.fine_tuned_model, message.checkpoints),
            no_continue=ENGINE_CONTINUES if profile.capabilities.ftwb else "",
            deploys=profile.capabilities.deployments,
        )

        def chosen(choice: tuple[Use, State] | None) -> None:
            if choice is None:
                return
            use, state = choice
            if use == "continue":
                self.find_pattern(job.id, f"New job that goes on from {state.title} of {job.id}", state.model)
            else:
                self.ask_deployment(job, state)

        self.app.push_screen(dialog, chosen)

    def ask_deployment(self, job: Job, state: State) -> None:
        """Name, tier and price, then a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog
        from workbench.screens.dialogs.deploy import DeployDialog

        suggested = f"{job.suffix or job.model}-{state.title.replace('the model', job.id[-6:]).replace(',', '')}"

        def asked(answer: DeployAnswer | None) -> None:
            if answer is None:
                return
            detail = f"Its hosting costs, whether anybody asks it or not: {answer.price}."
            confirm = ConfirmDialog(f"Deploy {state.deploys} as {answer.name}?", detail)

            def agreed(yes: bool | None) -> None:
                if yes:
                    self.deploy(job.profile, state.deploys, answer)

            self.app.push_screen(confirm, agreed)

        self.app.push_screen(DeployDialog(self.context, job.profile, state.deploys, suggested), asked)

    @work(group="deploy", exit_on_error=False)
    async def deploy(self, profile: str, model: str, answer: DeployAnswer) -> None:
        """Make it and wait until it has come up; leaving the screen does not stop it."""
        from workbench.workflow.deployments import create_deployment

        self.post_message(Deployed(f"{answer.name} is being deployed"))
        made = await aside(
            create_deployment(self.context, profile, model, answer.name, tier=answer.tier, capacity=answer.capacity)
        )
        self.post_message(Deployed(f"{made.name}: {made.status}; ask it as {profile}/{made.name}", made))

    @on(Deployed)
    def show_deployed(self, message: Deployed) -> None:
        """Say it, and when it ends by itself."""
        ends = f". {message.made.expires}" if message.made is not None and message.made.expires else ""
        self.notify(visible_line(f"{message.text}{ends}"), timeout=10, markup=False)

    def action_rescue(self) -> None:
        """The fine-tuned models of a provider, before they are switched off."""
        from workbench.screens.rescue import RescueScreen

        job, profiles = self.job, self.context.profiles()
        hosted = job is not None and job.profile in profiles and not profiles[job.profile].capabilities.own_machine
        self.app.push_screen(RescueScreen(self.context, self.project, job.profile if hosted and job else None))
