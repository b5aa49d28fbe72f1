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
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.dense import Embedder
from workbench.evaluate.ledger import Answer
from workbench.evaluate.task import RagSettings
from workbench.evaluate.throughput import Sharing
from workbench.workflow.context import Context
from workbench.workflow.prices import price_book
from workbench.workflow.spend import PER, call_cost

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
        """What such a call can cost; 0 on one's own machine and of a recording, None where no price is known."""
        if self.profile.kind == "local" or self.profile.replay:
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


@dataclass(frozen=True)
class ChatEmbedder:
    """An embedding model of a profile as the runner sees it."""

    client: AsyncOpenAI
    settings: Profile
    model: str
    prices: PriceBook

    @property
    def profile(self) -> str:
        """Whose pace its calls keep to."""
        return self.settings.name

    @property
    def identity(self) -> str:
        """Its vectors are known by the model's name: providers do not change a model under it."""
        return f"{recorded_place(self.settings) or self.settings.name}/{self.model}"

    def costs_at_most(self, texts: Sequence[str]) -> float | None:
        """What embedding them can cost; 0 on one's own machine and of a recording, None where no price is known."""
        if self.settings.kind == "local" or self.settings.replay:
            return 0.0
        tokens = most_prompt_tokens([{"content": text} for text in texts])
        price = self.prices.price(self.model, "input", provider=self.settings.kind, profile=self.settings.name)
        return None if price.value is None else tokens * price.value / PER

    async def __call__(self, texts: Sequence[str]) -> tuple[list[list[float]], float | None]:
        from workbench.providers.embeddings import embed

        found = await embed(self.client.with_options(max_retries=0), self.model, texts, profile=self.settings)
        if self.settings.replay:
            return found.vectors, 0.0
        price = self.prices.price(self.model, "input", provider=self.settings.kind, profile=self.settings.name)
        cost = None if price.value is None or found.tokens is None else found.tokens * price.value / PER
        return found.vectors, cost


def recorded_place(profile: Profile) -> str | None:
    """What a recording's answers and vectors are kept under, so that none is taken for a provider's of that name."""
    return f"recording {profile.replay}" if profile.replay else None


def recorded_candidates(context: Context, candidates: Sequence[Candidate], rag: RagSettings) -> list[str]:
    """Those whose model is a recording's, or whose passages are found by one's vectors."""
    return [
        one.text
        for one in candidates
        if not one.is_trivial
        and (
            context.profile(one.profile).replay
            or (one.is_dense and embedding_place(context, one, rag)[0].replay)
        )
    ]  # fmt: skip


def embedding_place(context: Context, candidate: Candidate, rag: RagSettings) -> tuple[Profile, str]:
    """The profile and model that embed for a candidate. Raises `WorkbenchError` where there are none."""
    from workbench.providers.embeddings import embedding_model

    if rag.embeddings is None:
        profile = context.complete_profile(candidate.profile)
        return profile, embedding_model(profile)
    named = parse_candidate(rag.embeddings)
    profile = context.complete_profile(named.profile)
    # Asked also for a model that is named, so that a profile without the endpoint is refused by its name.
    embedding_model(profile.model_copy(update={"embedding_model": named.model}))
    return profile, named.model


async def embedders_of(
    context: Context, stack: AsyncExitStack, candidates: Sequence[Candidate], rag: RagSettings
) -> dict[str, Embedder]:
    """An embedding model for each candidate that searches by vectors; clients are closed with the stack."""
    made: dict[str, ChatEmbedder] = {}
    found: dict[str, Embedder] = {}
    for candidate in candidates:
        if candidate.is_dense:
            profile, model = embedding_place(context, candidate, rag)
            place = f"{profile.name}/{model}"
            if place not in made:
                client = await stack.enter_async_context(await context.client(profile.name))
                made[place] = ChatEmbedder(client, profile, model, price_book(context))
            found[candidate.text] = made[place]
    return found


async def answerers_of(
    context: Context,
    stack: AsyncExitStack,
    candidates: Sequence[Candidate],
    fetching: Callable[[Mapping[str, Any]], None],
    day: date | None = None,
) -> dict[str, Answerer]:
    """One answerer a candidate; one client a profile, closed with the stack. `day` as in `identity_of`."""
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
            identities[key] = await identity_of(context, client, *key, fetching, day)
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
    day: date | None = None,
) -> str:
    """What answers under this name: content, host and precision where the server tells them, else id and date.

    The date is today's unless `day` says another: a run that goes on after midnight goes on with its own.
    """
    from workbench.providers.models import list_models

    if place := recorded_place(context.profile(profile)):
        return f"{place}/{model}"
    if context.profile(profile).kind == "local":
        await ensure_model(context, model, fetching)
        return await _local_identity(context, model)
    for known in await list_models(client, context.profile(profile)):
        if known.id == model and known.sha256:
            return f"{known.sha256}/{known.host}/{known.precision}"
    return f"{profile}/{model}@{(day or date.today()).isoformat()}"


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
