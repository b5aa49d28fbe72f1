"""Models of profiles as a run sees them: who answers, what it is known by, what a call can cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.catalog.prices import PriceBook
from workbench.errors import WorkbenchError
from workbench.evaluate.asking import Answerer
from workbench.evaluate.budget import most_prompt_tokens
from workbench.evaluate.candidates import Candidate
from workbench.evaluate.ledger import Answer
from workbench.evaluate.throughput import Sharing
from workbench.workflow.context import Context
from workbench.workflow.prices import price_book
from workbench.workflow.spend import call_cost

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.profiles import Profile


@dataclass(frozen=True)
class ChatAnswerer:
    """A model of a profile as the runner sees it."""

    client: AsyncOpenAI
    profile: Profile
    model: str
    identity: str
    """Model content, host and precision: what a cached answer is keyed by."""
    sharing: Sharing
    """The calls of all candidates of this profile."""
    prices: PriceBook

    def costs_at_most(self, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> float | None:
        """What such a call can cost; 0 on one's own machine, None where no price is known."""
        if self.profile.kind == "local":
            return 0.0
        return call_cost(self.profile, self.model, most_prompt_tokens(messages), max_tokens, prices=self.prices).value

    async def __call__(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int, temperature: float, seed: int
    ) -> Answer:
        from workbench.providers.chat import complete

        with self.sharing.call(self.model) as call:
            # The runner waits and tries again itself, so that no latency holds a pause and a limit is seen.
            reply = await complete(
                self.client.with_options(max_retries=0),
                self.model,
                messages,
                temperature=temperature,
                max_tokens=max_tokens,
                seed=seed,
                profile=self.profile,
            )
        return Answer(
            text=reply.text,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            latency_s=reply.total_s,
            first_token_s=reply.first_token_s,
            cost=call_cost(
                self.profile,
                self.model,
                reply.prompt_tokens,
                reply.completion_tokens,
                cached_tokens=reply.cached_tokens,
                prices=self.prices,
            ).value,
            fingerprint=reply.fingerprint,
            cached_tokens=reply.cached_tokens,
            busy_s=call.busy_s,
        )


async def answerers_of(
    context: Context,
    stack: AsyncExitStack,
    candidates: Sequence[Candidate],
    fetching: Callable[[Mapping[str, Any]], None],
) -> dict[str, Answerer]:
    """One answerer a candidate; one client a profile, closed with the stack."""
    clients: dict[str, AsyncOpenAI] = {}
    sharing: dict[str, Sharing] = {}
    identities: dict[tuple[str, str], str] = {}
    prices = price_book(context)
    answerers: dict[str, Answerer] = {}
    for candidate in candidates:
        if candidate.is_trivial:
            continue
        if candidate.profile not in clients:
            clients[candidate.profile] = await stack.enter_async_context(await context.client(candidate.profile))
        client = clients[candidate.profile]
        key = (candidate.profile, candidate.model)
        if key not in identities:
            identities[key] = await identity_of(context, client, *key, fetching)
        answerers[candidate.text] = ChatAnswerer(
            client=client,
            profile=context.profile(candidate.profile),
            model=candidate.model,
            identity=identities[key],
            sharing=sharing.setdefault(candidate.profile, Sharing()),
            prices=prices,
        )
    return answerers


async def identity_of(
    context: Context,
    client: AsyncOpenAI,
    profile: str,
    model: str,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> str:
    """What answers under this name: content, host and precision where the server tells them, else id and date."""
    from workbench.providers.models import list_models

    if context.profile(profile).kind == "local":
        await ensure_model(context, model, fetching)
        return await _local_identity(context, model)
    for known in await list_models(client, context.profile(profile)):
        if known.id == model and known.sha256:
            return f"{known.sha256}/{known.host}/{known.precision}"
    return f"{profile}/{model}@{date.today().isoformat()}"


async def _local_identity(context: Context, model: str) -> str:
    """By any name that a chat takes, also a folder or a checkpoint, which no list holds."""
    from workbench.providers.engine_errors import EngineError

    try:
        known = (await context.engine.call("GET", f"/v1/models/{quote(model, safe='')}"))["ftwb"]
    except EngineError as error:
        if error.code != "model_not_found":
            raise
        raise WorkbenchError(
            f"local/{model}",
            "is not a model here",
            "see `ftwb model list`, or fetch one with `ftwb model pull`",
            code="unknown_model",
        ) from error
    return f"{known['sha256']}/{known['host']}/{known['precision']}"


async def ensure_model(
    context: Context, model: str, progress: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> None:
    """Fetch `starter` on first need; other names must be there already."""
    if model != "starter":
        return
    async for line in context.engine.stream_call("POST", "pull", {"model": model}):
        progress(line)
