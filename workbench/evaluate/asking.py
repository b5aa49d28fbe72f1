"""Asking models: from the cache where this call was made before, else at the provider's pace, within the budget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from workbench.errors import WorkbenchError
from workbench.evaluate.budget import Budget
from workbench.evaluate.ledger import Answer, AnswerCache
from workbench.evaluate.pacing import Pace
from workbench.evaluate.task import digest

CONCURRENCY = 4
"""Calls in flight for one profile that says nothing else."""


class Answerer(Protocol):
    """Something that answers for one candidate's model."""

    @property
    def identity(self) -> str:
        """Model content (hosted: id and date), host and precision: what the cache must tell apart."""
        ...

    def costs_at_most(self, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> float | None:
        """US dollars of such a call, reckoned high; 0 where it costs nothing, None where nobody knows a price."""
        ...

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        """One answer; raises `WorkbenchError`, an error of the SDK or an `OSError` where there is none."""
        ...


class OverBudget(Exception):
    """The call was not made: it might have cost more than is left."""


class Asker:
    """All calls of one run. Every answer is in the cache before anybody counts it."""

    def __init__(
        self,
        cache: AnswerCache,
        budget: Budget,
        concurrency: Mapping[str, int] | int = CONCURRENCY,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._cache = cache
        self.budget = budget
        self._concurrency = concurrency
        self._waiting = waiting
        self._paces: dict[str, Pace] = {}

    def pace(self, profile: str) -> Pace:
        """The pace of a profile, shared by all of its models."""
        if profile not in self._paces:
            one = self._concurrency
            most = one if isinstance(one, int) else one.get(profile, CONCURRENCY)
            self._paces[profile] = Pace(most, waiting=lambda why: self._waiting(f"{profile}: {why}"))
        return self._paces[profile]

    def known(self, key: str) -> Answer | None:
        """The answer, if this very call was made before."""
        return self._cache.get(key)

    async def __call__(
        self,
        profile: str,
        answerer: Answerer,
        key: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int,
        temperature: float,
        seed: int,
    ) -> tuple[Answer, bool]:
        """The answer, and whether it was known already. Raises `OverBudget`, and what the answerer raises."""
        if (known := self.known(key)) is not None:
            return known, True

        async def call() -> Answer:
            price = answerer.costs_at_most(messages, max_tokens)
            most = price or 0.0
            if not self.budget.reserve(most):
                raise OverBudget
            # Whoever cannot tell whether a call was carried out must reckon with having to pay for it.
            cost: float | None = None
            try:
                answer = await answerer(messages, max_tokens=max_tokens, temperature=temperature, seed=seed)
                # What costs nothing to ask spends nothing, though it may say what it once cost: a recording.
                cost = 0.0 if price == 0.0 else answer.cost
            except WorkbenchError as error:
                cost = None if getattr(error, "ambiguous", False) else 0.0
                raise
            finally:
                self.budget.settle(most, cost)
            return answer

        answer = await self.pace(profile)(call)
        self._cache.put(key, answer)
        return answer, False


def call_key(
    messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int, identity: str, repeat: int
) -> str:
    """What the cache knows a call by: everything that its answer depends on."""
    return digest(
        {
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "identity": identity,
            "repeat": repeat,
        }
    )


def failures() -> tuple[type[Exception], ...]:
    """What a failed call raises. The SDK's errors are named only where its module is loaded: importing it is slow."""
    found: list[type[Exception]] = [WorkbenchError, OSError, TimeoutError]
    for module, name in (("openai", "OpenAIError"), ("httpx2", "HTTPError"), ("httpx", "HTTPError")):
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, name):
            found.append(getattr(loaded, name))
    return tuple(found)


def sentence(error: Exception) -> str:
    """An error on one line, with its kind where its text says little."""
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {text}"
