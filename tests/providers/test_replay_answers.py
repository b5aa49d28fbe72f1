"""Replies, stored completions and vectors of a recording, in the shapes that the SDK reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from workbench.providers import chat
from workbench.providers.client import connect
from workbench.providers.embeddings import embed
from workbench.providers.errors import ProviderError
from workbench.providers.pages import as_dict
from workbench.providers.profiles import Profile
from workbench.providers.recordings import recording
from workbench.testing.replay_clock import ReplayClock

MODEL = "gpt-4.1-mini-2025-04-14"
EMBEDS = "text-embedding-3-small"


def of(name: str) -> Profile:
    return Profile(name="demo", kind=recording(name)["kind"], replay=name)


def asked(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(("name", "model"), [("openai", EMBEDS), ("azure", "embeddings")])
async def test_texts_become_vectors_packed_or_not(name: str, model: str) -> None:
    profile = of(name)
    async with await connect(profile, environ={}) as client:
        found = await embed(client, model, ["a red apple", "a green apple", "the tax law"], profile=profile)
        assert [len(vector) for vector in found.vectors] == [1536] * 3 and found.tokens == 9
        apple, other, law = found.vectors
        assert sum(a * b for a, b in zip(apple, other, strict=True)) > sum(
            a * b for a, b in zip(apple, law, strict=True)
        )
        packed = await client.embeddings.create(model=model, input="a red apple")  # the SDK asks for base64 by itself
        assert packed.data[0].embedding == pytest.approx(apple)
        short = await client.embeddings.create(model=model, input="a", dimensions=8)
        assert len(short.data[0].embedding) == 8
        with pytest.raises(ProviderError, match="not allowed to generate embeddings"):
            await embed(client, MODEL if name == "openai" else "base", ["x"], profile=profile)


async def test_stored_completions_come_page_by_page_with_what_was_asked(clock: ReplayClock) -> None:
    async with await connect(of("openai"), environ={}) as client:
        (tuned,) = {one.model async for one in client.chat.completions.list()} - {MODEL}
        mine = [one async for one in client.chat.completions.list(model=tuned, limit=1)]
        assert [one.id[-1] for one in mine] == ["1", "2", "3"], "one a page, all of them"
        assert as_dict(mine[2])["choices"][0]["message"]["content"] is None, "it called a tool"
        messages = [as_dict(one) async for one in client.chat.completions.messages.list(mine[1].id)]
        assert messages[0]["content"] is None and messages[0]["content_parts"][1]["type"] == "image_url"
        assert (await client.chat.completions.retrieve(mine[0].id)).metadata == {"app": "colours"}
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.retrieve("chatcmpl-nobody")


async def test_what_is_asked_with_store_is_stored_for_the_next_process(clock: ReplayClock, tmp_path: Path) -> None:
    profile, state = of("openai"), tmp_path / "state.json"
    async with await connect(profile, environ={}, replay_state=state) as client:
        await chat.complete(client, MODEL, asked("Add 2 and 2."), profile=profile)
        kept = await chat.complete(client, MODEL, asked("Add 2 and 2."), extra={"store": True}, profile=profile)
    async with await connect(profile, environ={}, replay_state=state) as client:
        found = [one async for one in client.chat.completions.list(model=MODEL)]
        assert [one.choices[0].message.content for one in found] == ["Paris", kept.text], "and the other one is not"
        (question,) = [one async for one in client.chat.completions.messages.list(found[-1].id)]
        assert question.content == "Add 2 and 2."


async def test_azure_s_recording_holds_no_stored_completions() -> None:
    async with await connect(of("azure"), environ={}) as client:
        with pytest.raises(openai.BadRequestError, match="does not hold this call"):
            await client.chat.completions.list()


async def test_azure_streams_the_verdict_on_the_prompt_first_and_filters() -> None:
    profile = of("azure")
    async with await connect(profile, environ={}) as client:
        raw = await client.chat.completions.create(model="base", messages=asked("Add 2 and 2."), stream=True)  # type: ignore[arg-type]
        chunks = [chunk async for chunk in raw]
        assert chunks[0].choices == [] and "prompt_filter_results" in (chunks[0].model_extra or {})
        streamed = [part async for part in chat.stream_chat(client, "base", asked("Add 2 and 2."), profile=profile)]
        assert streamed[0] == "4" and isinstance(streamed[-1], chat.Reply) and streamed[-1].model == MODEL
        with pytest.raises(ProviderError, match="content management policy") as caught:
            await chat.complete(client, "base", asked("How do I pick a lock?"), profile=profile)
        assert caught.value.code == "content_filter"
