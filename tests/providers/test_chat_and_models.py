"""Answers and models over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.chat import Reply, complete, stream_chat
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.models import delete_model, list_models
from workbench.providers.profiles import Profile, built_in
from workbench.testing.fake_provider import FakeProvider

from .conftest import MODEL

if TYPE_CHECKING:
    import openai

SAY = [{"role": "user", "content": "one two three"}]


async def streamed(client: openai.AsyncOpenAI, **more: Any) -> tuple[list[str], Reply]:
    *pieces, reply = [item async for item in stream_chat(client, MODEL, SAY, **more)]
    assert isinstance(reply, Reply)
    return [str(piece) for piece in pieces], reply


async def test_a_streamed_answer_comes_in_pieces_and_ends_with_the_whole(
    provider: FakeProvider, client: openai.AsyncOpenAI
) -> None:
    provider.replies = ["Grüße an alle 🦊!"]
    pieces, reply = await streamed(client, max_tokens=9, seed=1, extra={"top_k": 1})
    assert len(pieces) == 3
    assert "".join(pieces) == reply.text == "Grüße an alle 🦊!"
    assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (3, 4, "stop")
    assert reply.fingerprint == "fp_fake"
    assert reply.first_token_s is not None
    assert 0 < reply.first_token_s <= reply.total_s
    sent = provider.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"], sent["seed"], sent["top_k"]) == (0.0, 9, 1, 1)


async def test_a_whole_answer(provider: FakeProvider, client: openai.AsyncOpenAI) -> None:
    reply = await complete(client, MODEL, SAY, temperature=None)
    assert (reply.text, reply.completion_tokens, reply.first_token_s, reply.model) == ("one two three", 3, None, MODEL)
    assert "temperature" not in provider.requests[-1].json


@pytest.mark.parametrize(
    ("param", "message", "gone", "there"),
    [
        (
            "max_tokens",
            "Unsupported parameter: use 'max_completion_tokens' instead.",
            "max_tokens",
            "max_completion_tokens",
        ),
        (None, "Extra inputs are not permitted: stream_options", "stream_options", "stream"),
    ],
)
async def test_another_spelling_is_tried_where_the_provider_names_it(
    provider: FakeProvider, client: openai.AsyncOpenAI, param: str | None, message: str, gone: str, there: str
) -> None:
    provider.fail(
        "/chat/completions", status=400, body={"error": {"message": message, "param": param, "type": "x", "code": None}}
    )
    _, reply = await streamed(client, max_tokens=9)
    assert reply.text == "one two three"
    assert gone not in provider.requests[-1].json
    assert there in provider.requests[-1].json


async def test_a_refused_temperature_is_an_error_and_not_another_temperature(
    provider: FakeProvider, client: openai.AsyncOpenAI
) -> None:
    message = "Unsupported value: 'temperature' does not support 0.0"
    provider.fail(
        "/chat/completions", status=400, body={"error": {"message": message, "param": "temperature"}}, times=5
    )
    with pytest.raises(ProviderError, match="temperature"):
        await streamed(client)
    assert len(provider.requests) == 1


async def test_an_unknown_model_is_said_with_where_to_look(client: openai.AsyncOpenAI, profile: Profile) -> None:
    with pytest.raises(
        ProviderError, match=r"openai: chat with nope: .*does not exist; `ftwb model list --profile openai`"
    ) as caught:
        [item async for item in stream_chat(client, "nope", SAY, profile=profile)]
    assert caught.value.code == "model_not_found"


async def test_a_stream_that_breaks_is_an_error_and_not_a_short_answer(
    provider: FakeProvider, client: openai.AsyncOpenAI
) -> None:
    provider.drop("/chat/completions", times=9)
    with pytest.raises(ProviderError, match=r"the connection broke|not in the shape"):
        await streamed(client.with_options(max_retries=0))


async def test_an_error_inside_a_stream_is_said(provider: FakeProvider, client: openai.AsyncOpenAI) -> None:
    body = 'data: {"error": {"message": "out of memory", "code": "oom"}}\n\n'
    provider.fail("/chat/completions", status=200, body=body, headers={"content-type": "text/event-stream"})
    with pytest.raises(ProviderError, match="out of memory"):
        await streamed(client)


async def test_models_say_their_kind_and_how_long_they_live(provider: FakeProvider) -> None:
    provider.add_model("ft:gpt-4o:org::abc", shutdown_date="2027-01-14")
    provider.add_model("ft:gpt-4o:org::abc:ckpt-step-8")
    provider.add_model("gpt-4.1-mini.ft-0123", deprecation={"fine_tune": 1, "inference": 1_822_521_600})
    provider.add_model(
        "starter", ftwb={"kind": "base", "sha256": "ab", "size": 9, "methods": ["sft"], "host": "llama.cpp"}
    )
    async with await connect(built_in()["openai"], environ=provider.environ) as client:
        found = {model.id: model for model in await list_models(client, built_in()["openai"])}
        assert list(found)[:3] == ["ft:gpt-4o:org::abc", "ft:gpt-4o:org::abc:ckpt-step-8", "gpt-4.1-mini.ft-0123"]
        assert [found[name].kind for name in list(found)[:3]] == ["tuned", "checkpoint", "tuned"]
        assert found["ft:gpt-4o:org::abc"].retires == "2027-01-14"
        assert found["gpt-4.1-mini.ft-0123"].retires == "2027-10-03"
        assert (found["starter"].size, found["starter"].methods, found["starter"].host) == (9, ["sft"], "llama.cpp")
        await delete_model(client, built_in()["openai"], "ft:gpt-4o:org::abc")
        assert "ft:gpt-4o:org::abc" not in [model.id for model in await list_models(client, built_in()["openai"])]
        with pytest.raises(WorkbenchError, match="cannot delete models"):
            await delete_model(client, Profile(name="x"), "ft:gpt-4o:org::abc")
