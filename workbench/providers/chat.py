"""Answers of a model, streamed or whole, with what they cost in tokens and time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.providers.errors import ProviderError, speaking, strange
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai

_ANYBODY = Profile(name="the provider")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Token counts are the provider's, None where it gives none; times are seconds."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token_s: float | None
    """From sending to the first text; None when it was not streamed."""
    total_s: float
    model: str
    fingerprint: str | None
    finish_reason: str | None
    """None also where the stream ended early."""
    cached_tokens: int | None = None
    """Prompt tokens that the provider took from its cache; None where it does not say."""


async def stream_chat(
    client: openai.AsyncOpenAI,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    temperature: float | None = 0.0,
    max_tokens: int | None = None,
    seed: int | None = None,
    extra: Mapping[str, Any] | None = None,
    profile: Profile = _ANYBODY,
) -> AsyncIterator[str | Reply]:
    """The text as it comes, and the `Reply` as the last item. Raises `ProviderError`.

    `temperature=None` leaves it to the provider (reasoning models refuse any other). Closing the iterator stops the
    model.
    """
    body = _body(model, messages, temperature, max_tokens, seed, extra)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    begun = time.perf_counter()
    text, first, usage = [], None, None
    named, fingerprint, finish = model, None, None
    with speaking(profile, f"chat with {model}", client):
        async with await _create(client, profile, model, body) as chunks:
            async for chunk in chunks:
                named, fingerprint = chunk.model or named, chunk.system_fingerprint or fingerprint
                usage = chunk.usage or usage
                for choice in chunk.choices or []:
                    finish = choice.finish_reason or finish
                    piece = choice.delta.content or choice.delta.refusal if choice.delta else None
                    if piece:
                        first = first if first is not None else time.perf_counter() - begun
                        text.append(piece)
                        yield piece
    yield Reply(
        text="".join(text),
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        first_token_s=first,
        total_s=time.perf_counter() - begun,
        model=named,
        fingerprint=fingerprint,
        finish_reason=finish,
        cached_tokens=_cached(usage),
    )


async def complete(
    client: openai.AsyncOpenAI,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    temperature: float | None = 0.0,
    max_tokens: int | None = None,
    seed: int | None = None,
    extra: Mapping[str, Any] | None = None,
    profile: Profile = _ANYBODY,
) -> Reply:
    """One whole answer. Raises `ProviderError`."""
    body = _body(model, messages, temperature, max_tokens, seed, extra)
    begun = time.perf_counter()
    with speaking(profile, f"chat with {model}", client):
        answer = await _create(client, profile, model, body)
    choices = getattr(answer, "choices", None)
    if not choices:
        raise strange(profile, f"chat with {model}")
    message, usage = choices[0].message, answer.usage
    return Reply(
        text=(message.content or message.refusal or "") if message else "",
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        first_token_s=None,
        total_s=time.perf_counter() - begun,
        model=answer.model or model,
        fingerprint=answer.system_fingerprint,
        finish_reason=choices[0].finish_reason,
        cached_tokens=_cached(usage),
    )


def _cached(usage: Any) -> int | None:
    """`usage.prompt_tokens_details.cached_tokens`, of which compatible providers may send any part."""
    found = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
    return found if isinstance(found, int) else None


def _body(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    temperature: float | None,
    max_tokens: int | None,
    seed: int | None,
    extra: Mapping[str, Any] | None,
) -> dict[str, Any]:
    optional = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
    body: dict[str, Any] = {"model": model, "messages": [dict(message) for message in messages]}
    body |= {name: value for name, value in optional.items() if value is not None}
    if extra:
        body["extra_body"] = dict(extra)
    return body


async def _create(client: openai.AsyncOpenAI, profile: Profile, model: str, body: dict[str, Any]) -> Any:
    """Create, once more in the newer or the plainer spelling where the provider names the parameter it does not take.

    Only spellings change, never what is asked for: a refused temperature is an error, not a silent default.
    """
    try:
        with speaking(profile, f"chat with {model}", client):
            return await client.chat.completions.create(**body)
    except ProviderError as error:
        refused = f"{error.param or ''} {error.why}" if error.status in {400, 422} else ""
        if "max_tokens" in refused and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        elif "stream_options" in refused and "stream_options" in body:
            body.pop("stream_options")
        else:
            raise
    return await client.chat.completions.create(**body)
