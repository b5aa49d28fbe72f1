"""A ceiling for what a run may cost: kept before a call is made, not noticed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError

BYTES_A_TOKEN = 3
"""Of a prompt. Tokens of English have four bytes and more, of other scripts about three: an estimate that is too high
rather than too low."""
TOKENS_A_MESSAGE = 8
"""What roles and separators come to, at most."""


def most_prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """A prompt's tokens, reckoned high."""
    size = sum(len(str(message.get("content") or "").encode("utf-8", "surrogatepass")) for message in messages)
    return size // BYTES_A_TOKEN + TOKENS_A_MESSAGE * len(messages) + 1


class Budget:
    """Dollars that calls may cost together. A call reserves what it can cost at most, and gives back the rest."""

    def __init__(self, ceiling: float | None) -> None:
        self.ceiling = ceiling
        self.spent = 0.0
        self._reserved = 0.0
        self.reached = False
        """A call was not made because it might have gone over."""

    def reserve(self, most: float) -> bool:
        """Whether a call that costs at most this may be made; once one may not, none may."""
        if self.ceiling is not None and (self.reached or self.spent + self._reserved + most > self.ceiling):
            self.reached = True
            return False
        self._reserved += most
        return True

    def settle(self, most: float, cost: float | None) -> None:
        """A call ended: it cost this; None where nobody said, and then it counts in full."""
        self._reserved -= most
        self.spent += most if cost is None else cost


class CeilingReached(WorkbenchError):
    """A run that stopped before it would have cost more than was allowed."""

    code = "cost_ceiling"

    def __init__(self, run: str, budget: Budget, done: int, total: int) -> None:
        super().__init__(
            f"run {run}",
            f"stopped at the ceiling of ${budget.ceiling or 0:.2f}: ${budget.spent:.4f} were spent, "
            f"{done:,} of {total:,} answers are there",
            "measure the same again with a higher --max-cost: what was answered is kept and is not paid for twice",
        )
