"""A person's blind votes between two candidates: which of two answers to an item is better, not knowing whose it is.

Votes are lines of `votes.jsonl` in the run's folder, only ever appended: a vote that was taken back is a line too. The
order of the items and the sides of the answers are drawn from the run and the pair, so that a person who comes back
goes on with the same draw.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import WorkbenchError
from workbench.evaluate.grid import GridItem
from workbench.evaluate.statistics import Interval, mcnemar_exact, wilson

VOTES = "votes.jsonl"
ALPHA = 0.05
FEWEST = 6
"""Votes for one side below which no exact sign test can reach 0.05: two times a half to the sixth is 0.03."""

Choice = Literal["a", "b", "tie", "skip"]


class Vote(BaseModel):
    """One line of `votes.jsonl`."""

    model_config = ConfigDict(extra="allow")

    pair: tuple[str, str]
    """Both candidates, in order of their names."""
    kind: Choice | Literal["undo", "look"]
    """`undo` takes the last vote of the pair back; `look`: the person saw who was which."""
    index: int = -1
    sha256: str = ""
    """Of the item."""
    shown: tuple[str, str] = ("", "")
    """The candidates behind A and B."""
    voted_at: int = 0

    @property
    def winner(self) -> str | None:
        """The candidate that was preferred."""
        return {"a": self.shown[0], "b": self.shown[1]}.get(self.kind)


@dataclass(frozen=True, slots=True)
class Matchup:
    """Two answers to one item, as the person sees them."""

    item: GridItem
    shown: tuple[str, str]
    """The candidates behind A and B: not for the person's eyes."""

    @property
    def answers(self) -> tuple[str, str]:
        """What A and B said."""
        return self.item.answers[self.shown[0]].output or "", self.item.answers[self.shown[1]].output or ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the votes say so far."""

    pair: tuple[str, str]
    wins: tuple[int, int]
    """In the order of `pair`."""
    ties: int
    skipped: int
    left: int
    """Items without a vote."""
    same: int
    """Items to which both gave the same answer: nobody is asked about those."""
    looked_after: int | None
    """Votes that were given when the person first saw who was which; None while they have not."""
    grouped: bool
    """Items come in groups, which these figures do not know of."""

    @property
    def votes(self) -> int:
        """Items that were judged, ties among them."""
        return sum(self.wins) + self.ties

    @property
    def share(self) -> float | None:
        """The first candidate's part of the votes that were no tie."""
        return self.wins[0] / sum(self.wins) if sum(self.wins) else None

    @property
    def ci95(self) -> Interval | None:
        """Wilson's interval of that part."""
        return wilson(self.wins[0], sum(self.wins)) if sum(self.wins) else None

    @property
    def p_value(self) -> float:
        """Two-sided exact sign test: as many wins for one side by tossing coins. Ties count for neither."""
        return mcnemar_exact(*self.wins)

    @property
    def underpowered(self) -> bool:
        """So few votes that not even all for one side would be a difference."""
        return sum(self.wins) < FEWEST

    @property
    def better(self) -> str | None:
        """The candidate that people prefer; None where these votes show no difference."""
        if self.p_value > ALPHA:
            return None
        return self.pair[0] if self.wins[0] > self.wins[1] else self.pair[1]


class Ballot:
    """The items of a run to vote on between two candidates, and the votes so far.

    Raises WorkbenchError, code `nothing_to_vote`, where no item has two different answers.
    """

    def __init__(self, folder: Path, run: str, items: Sequence[GridItem], one: str, other: str) -> None:
        first, second = sorted((one, other))
        self.pair = (first, second)
        self._path = folder / VOTES
        answered = [item for item in items if all(_said(item, text) is not None for text in self.pair)]
        differing = [item for item in answered if _said(item, first) != _said(item, second)]
        self._same = len(answered) - len(differing)
        self._grouped = any(item.plain.group is not None for item in differing)
        if not differing:
            why = "gave the same answers" if answered else "have no item that both answered"
            raise WorkbenchError(
                f"{first} and {second}", why, "choose two others: there is nothing to vote on", code="nothing_to_vote"
            )
        self._items = {item.index: item for item in differing}
        self._order = [item.index for item in differing]
        draw = random.Random("\n".join((run, *self.pair)))  # noqa: S311 - a draw to repeat, not a secret
        draw.shuffle(self._order)
        self._shown = {index: self.pair if draw.random() < 0.5 else self.pair[::-1] for index in self._order}
        self._votes: list[Vote] = []
        self._looked_after: int | None = None
        for vote in read_votes(folder):
            self._take(vote)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def done(self) -> int:
        """Items that were judged or skipped."""
        return len(self._votes)

    @property
    def next(self) -> Matchup | None:
        """The next item without a vote; None at the end."""
        given = {vote.index for vote in self._votes}
        index = next((index for index in self._order if index not in given), None)
        return None if index is None else Matchup(self._items[index], self._shown[index])

    def vote(self, choice: Choice) -> None:
        """Judge the next item; the vote has reached the disk when this returns."""
        matchup = self.next
        if matchup is not None:
            sha256 = matchup.item.plain.sha256
            self._keep(Vote(pair=self.pair, kind=choice, index=matchup.item.index, sha256=sha256, shown=matchup.shown))

    def undo(self) -> bool:
        """Take the last vote back; False where there is none."""
        if not self._votes:
            return False
        self._keep(Vote(pair=self.pair, kind="undo"))
        return True

    def look(self) -> Tally:
        """The result, which tells who was which; that it was seen, and after how many votes, is kept."""
        if self._looked_after is None:
            self._keep(Vote(pair=self.pair, kind="look"))
        return self.tally()

    def tally(self) -> Tally:
        """What the votes say."""
        winners = [vote.winner for vote in self._votes]
        kinds = [vote.kind for vote in self._votes]
        return Tally(
            pair=self.pair,
            wins=(winners.count(self.pair[0]), winners.count(self.pair[1])),
            ties=kinds.count("tie"),
            skipped=kinds.count("skip"),
            left=len(self._order) - len(self._votes),
            same=self._same,
            looked_after=self._looked_after,
            grouped=self._grouped,
        )

    def _keep(self, vote: Vote) -> None:
        vote.voted_at = int(time.time())
        try:
            _append(self._path, vote)
        except OSError as error:
            why = f"cannot be written ({(error.strerror or 'input/output error').lower()})"
            raise WorkbenchError(
                str(self._path), why, "make room or rights and vote again: earlier votes are kept", code="disk"
            ) from error
        self._take(vote)

    def _take(self, vote: Vote) -> None:
        """Count a line; those of another pair, or about an item that is another one now, are passed over."""
        if vote.pair != self.pair:
            return
        if vote.kind == "undo":
            if self._votes:
                self._votes.pop()
        elif vote.kind == "look":
            if self._looked_after is None:
                self._looked_after = len(self._votes)
        elif (item := self._items.get(vote.index)) is not None and item.plain.sha256 == vote.sha256:
            # Two terminals may have asked for the same item: the later vote is the one that counts.
            self._votes = [other for other in self._votes if other.index != vote.index] + [vote]


def read_votes(folder: Path) -> list[Vote]:
    """Every line of a run's votes, oldest first; none where nobody voted. A torn line is dropped."""
    try:
        data = (folder / VOTES).read_bytes()
    except FileNotFoundError:
        return []
    votes = []
    for line in data.split(b"\n"):
        with contextlib.suppress(ValidationError):  # torn by a crash of the machine: that vote is asked for again
            votes.append(Vote.model_validate_json(line))
    return votes


def _append(path: Path, vote: Vote) -> None:
    """One line at the end, on disk; a torn line before it is closed first, so that it swallows nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = vote.model_dump_json().encode("utf-8", "surrogatepass") + b"\n"
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _said(item: GridItem, candidate: str) -> str | None:
    """A candidate's answer; None where it gave none."""
    row = item.answers.get(candidate)
    return None if row is None or row.error is not None or row.output is None else row.output.strip()
