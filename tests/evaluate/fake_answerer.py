"""A stand-in for a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.evaluate.ledger import Answer


class FakeAnswerer:
    """Answers from a function of the last message; counts its calls, and fails or waits where it is told to."""

    def __init__(self, answer: Callable[[str], str], identity: str = "fake@1", cost: float | None = None) -> None:
        self.identity = identity
        self.calls: list[list[Mapping[str, Any]]] = []
        self.in_flight = self.most_in_flight = 0
        self.stop_after: int | None = None
        self.stopped = asyncio.Event()
        self._answer = answer
        self._cost = cost

    def costs_at_most(self, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> float | None:
        """What each call costs, exactly."""
        return self._cost

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        if self.stop_after is not None and len(self.calls) >= self.stop_after:
            self.stopped.set()
            await asyncio.Event().wait()
        self.calls.append([dict(message) for message in messages])
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            question = str(messages[-1]["content"])
            if "FAIL" in question:
                raise WorkbenchError("fake", "the call failed", "try again")
            text = self._answer(question)
            prompt = sum(len(str(message["content"]).split()) for message in messages)
            return Answer(
                text=text,
                prompt_tokens=prompt,
                completion_tokens=len(text.split()),
                latency_s=0.25,
                cost=self._cost,
                fingerprint="ftwb:fake-host:f32:0123456789ab",
            )
        finally:
            self.in_flight -= 1
