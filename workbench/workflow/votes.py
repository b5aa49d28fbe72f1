"""What people preferred in a run, of every pair that was voted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.decide.decision import Preference
from workbench.errors import WorkbenchError
from workbench.evaluate.grid import grid
from workbench.evaluate.votes import Ballot, Tally, read_votes
from workbench.workflow.runs import run_folder, run_items

if TYPE_CHECKING:
    from workbench.evaluate.results import RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


@dataclass(frozen=True, slots=True)
class Polled:
    """A pair that was voted on, and whether its result may be shown without ending the blindness of those to come."""

    ballot: Ballot
    tally: Tally

    @property
    def open(self) -> bool:
        """All items are judged, or the person has seen who was which."""
        return self.tally.left == 0 or self.tally.looked_after is not None


def polls(context: Context, project: Project, run: RunResult) -> list[Polled]:
    """Every pair of the run with a vote, by name; none where nobody voted."""
    folder = run_folder(context, project, run.run)
    pairs = sorted({vote.pair for vote in read_votes(folder) if vote.kind != "look"})
    if not pairs:
        return []
    items = grid(run_items(context, project, run.run))
    found = []
    for pair in pairs:
        try:
            ballot = Ballot(folder, run.run, items, *pair)
        except WorkbenchError:  # the answers have been asked again since, and no item differs any more
            continue
        if ballot.done:
            found.append(Polled(ballot, ballot.tally()))
    return found


def preferences(context: Context, project: Project, run: RunResult) -> list[Preference]:
    """The results that are open, as a decision carries them."""
    return [preference(poll.tally) for poll in polls(context, project, run) if poll.open]


def preference(tally: Tally) -> Preference:
    """A tally with its interval and test."""
    return Preference(
        a=tally.pair[0],
        b=tally.pair[1],
        wins_a=tally.wins[0],
        wins_b=tally.wins[1],
        ties=tally.ties,
        skipped=tally.skipped,
        left=tally.left,
        same=tally.same,
        share_a=tally.share,
        ci95=tally.ci95,
        p_value=tally.p_value,
        preferred=tally.better,
        underpowered=tally.underpowered,
        looked_after=tally.looked_after,
    )
