"""The fallback host: batching, sampling, stopping and the wire, with the tiny model in a real host process."""

from __future__ import annotations

import asyncio
import json
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.engine.tiny import CONTEXT, build_tiny_model
from workbench.engine.hosts.decode import FixedDecoder, fits_fixed
from workbench.engine.hosts.generate import Generator, Row
from workbench.engine.hosts.pool import Endpoint, HostPool, ServedModel
from workbench.engine.hosts.transformers_host import Limits, load, work
from workbench.engine.models.folder import ModelFolder, read_folder
from workbench.engine.models.wheels import CONVERTER

pytestmark = pytest.mark.timeout(300)
"""Importing torch and transformers takes half a minute on a busy machine."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return read_folder(build_tiny_model(tmp_path_factory.mktemp("tiny"), seed=5), "tiny")


@pytest.fixture(scope="module")
def generator(model: ModelFolder) -> Generator:
    return load(model, None)


def row(prompt: list[int], **more: Any) -> tuple[Row, list[tuple[str, str | None]]]:
    got: list[tuple[str, str | None]] = []
    wanted = {"max_tokens": 12, "temperature": 0.0, "top_p": 1.0, "seed": None, "stop": ()} | more
    return Row(prompt_ids=prompt, deliver=lambda text, reason: got.append((text, reason)), **wanted), got


def text_of(pieces: list[tuple[str, str | None]]) -> str:
    return "".join(piece for piece, _ in pieces)


def test_a_batch_answers_as_each_alone(generator: Generator) -> None:
    """Rows of different lengths, padded on the left: nobody's answer depends on the others'."""
    prompts = [[1, 50, 60, 70], [1, 80], [1, *range(100, 130)]]
    alone = []
    for prompt in prompts:
        single, got = row(prompt)
        generator.generate([single])
        alone.append((single.output_ids, text_of(got)))
    batch = [row(prompt) for prompt in prompts]
    generator.generate([item for item, _ in batch])
    assert [(item.output_ids, text_of(got)) for item, got in batch] == alone


def test_a_fixed_cache_answers_as_a_growing_one(generator: Generator) -> None:
    """What a GPU replays, without the graph: three rows in a cache for four, twice in the same memory."""
    model = generator._decoder._model  # type: ignore[attr-defined]
    assert fits_fixed(model)
    fixed = Generator(FixedDecoder(model), generator._tokenizer, generator._end_ids, generator._pad_id)
    for prompts in ([[1, 50, 60, 70], [1, 80], [1, *range(100, 130)]], [[1, 9, 8], [1, 7, *range(200, 220)], [1]]):
        expected, found = ([row(prompt) for prompt in prompts] for _ in range(2))
        generator.generate([item for item, _ in expected])
        fixed.generate([item for item, _ in found])
        assert [(item.output_ids, text_of(got)) for item, got in found] == [
            (item.output_ids, text_of(got)) for item, got in expected
        ]


@pytest.mark.parametrize("fails_at", [1, 2], ids=["the cache", "the prompts"])
def test_a_batch_that_found_no_memory_leaves_the_next_one_whole(generator: Generator, fails_at: int) -> None:
    """The same shape again: nothing half-made of the failed one is used."""

    class Full:
        """The model, whose forward finds no memory once."""

        config = generator._decoder._model.config  # type: ignore[attr-defined]
        calls = 0

        def __call__(self, **inputs: Any) -> Any:
            self.calls += 1
            if self.calls == fails_at:
                raise RuntimeError("CUDA out of memory")
            return generator._decoder._model(**inputs)  # type: ignore[attr-defined]

    fixed = Generator(FixedDecoder(Full()), generator._tokenizer, generator._end_ids, generator._pad_id)
    with pytest.raises(RuntimeError, match="out of memory"):
        fixed.generate([row([1, 50])[0]])
    (expected, _), (found, _) = row([1, 50]), row([1, 50])
    generator.generate([expected])
    fixed.generate([found])
    assert found.output_ids == expected.output_ids


def test_a_seed_repeats_and_another_does_not(generator: Generator) -> None:
    def sample(seed: int) -> list[int]:
        item, _ = row([1, 50], temperature=1.5, seed=seed, max_tokens=20)
        generator.generate([item])
        return item.output_ids

    assert sample(1) == sample(1) != sample(2)


def test_length_and_end(generator: Generator) -> None:
    item, got = row([1, 50], max_tokens=3)
    generator.generate([item])
    assert len(item.output_ids) == 3
    assert got[-1][1] == "length"
    ending = Generator(generator._decoder, generator._tokenizer, frozenset(item.output_ids[:1]), 0)
    item, got = row([1, 50])
    ending.generate([item])
    assert (item.output_ids, got) == ([], [("", "stop")])


def test_a_stop_text_ends_the_answer_before_itself(generator: Generator) -> None:
    item, got = row([1, 50, 60], max_tokens=20, temperature=1.0, seed=4)
    generator.generate([item])
    whole = text_of(got)
    stop = whole[5:8]
    item, got = row([1, 50, 60], max_tokens=20, temperature=1.0, seed=4, stop=(stop,))
    generator.generate([item])
    assert text_of(got) == whole[: whole.find(stop)]
    assert got[-1][1] == "stop"


def test_who_left_gets_no_more(generator: Generator) -> None:
    item, got = row([1, 50], max_tokens=100)
    item.cancelled = True
    generator.generate([item])
    assert got == []


@pytest.fixture(scope="module")
def host(model: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Endpoint, asyncio.Runner]]:
    """A host process for a model that the converter has refused."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "served" / model.sha256).mkdir(parents=True)
    refused = {"reason": "no such architecture", "converter": CONVERTER.sha256}
    (cache / "served" / model.sha256 / "refused.json").write_text(json.dumps(refused))
    runtime = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    pool = HostPool(runtime, cache, budget_bytes=2**32)
    with asyncio.Runner() as runner:
        yield runner.run(pool.endpoint(ServedModel("tiny", model, None, model.sha256))), runner
        runner.run(pool.close())
    shutil.rmtree(runtime, ignore_errors=True)


async def post(endpoint: Endpoint, key: str | None = None, **body: Any) -> httpx2.Response:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 8, "temperature": 0} | body
    async with httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(uds=str(endpoint.uds)), base_url="http://host", timeout=60
    ) as http:
        headers = {"Authorization": f"Bearer {key or endpoint.api_key}"}
        return await http.post("/v1/chat/completions", json=body, headers=headers)


def test_it_answers_in_openais_shape(host: tuple[Endpoint, asyncio.Runner]) -> None:
    endpoint, runner = host
    assert (endpoint.host, endpoint.precision) == ("transformers", "float32")
    answer = runner.run(post(endpoint)).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["usage"]["completion_tokens"] == 8
    assert answer["choices"][0]["finish_reason"] == "length"


def test_a_stream_is_the_same_answer_in_pieces(host: tuple[Endpoint, asyncio.Runner]) -> None:
    endpoint, runner = host
    whole = runner.run(post(endpoint)).json()["choices"][0]["message"]["content"]
    text = runner.run(post(endpoint, stream=True, stream_options={"include_usage": True})).text
    assert text.endswith("data: [DONE]\n\n")
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    pieces = [event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]]
    assert "".join(pieces) == whole
    assert len(events) > 3
    assert events[-1]["usage"]["total_tokens"] == events[-1]["usage"]["prompt_tokens"] + 8


def test_requests_at_once_get_their_own_answers(host: tuple[Endpoint, asyncio.Runner]) -> None:
    endpoint, runner = host
    questions = ["hi", "What is the capital of France?", "salt", "billing refund"]

    async def all_at_once() -> list[str]:
        answers = await asyncio.gather(
            *(post(endpoint, messages=[{"role": "user", "content": question}]) for question in questions)
        )
        return [answer.json()["choices"][0]["message"]["content"] for answer in answers]

    def alone(question: str) -> str:
        answer = runner.run(post(endpoint, messages=[{"role": "user", "content": question}]))
        return str(answer.json()["choices"][0]["message"]["content"])

    assert runner.run(all_at_once()) == [alone(question) for question in questions]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": [{"role": "user", "content": "x " * CONTEXT}]}, "messages"),
    ],
)
def test_a_bad_request_is_400_with_its_parameter(
    host: tuple[Endpoint, asyncio.Runner], body: dict[str, Any], param: str
) -> None:
    endpoint, runner = host
    answer = runner.run(post(endpoint, **body))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_without_the_key_nothing_is_answered(host: tuple[Endpoint, asyncio.Runner]) -> None:
    endpoint, runner = host
    assert runner.run(post(endpoint, key="wrong")).status_code == 401


def test_a_batch_holds_what_its_cache_has_room_for() -> None:
    limits = Limits(rows=8, tokens=4096)
    short, long = row([1] * 100, max_tokens=400)[0], row([1] * 100, max_tokens=3000)[0]
    assert limits.holds([short] * 8)
    assert not limits.holds([short] * 9)
    assert not limits.holds([short, long])
    assert limits.holds([row([1] * 100, max_tokens=8000)[0]])  # alone: refused by its context, not by its batch


def test_rows_that_are_no_batch_are_answered_one_after_the_other(generator: Generator) -> None:
    """All five get their answer, none waits for ever outside of a batch."""
    waiting: queue.Queue[Row] = queue.Queue()
    ended: queue.Queue[int] = queue.Queue()
    for number in range(5):
        item, _ = row([1, 50, number], max_tokens=4 + 600 * (number % 2), stop=("e", "a", "t"))
        item.deliver = lambda _text, reason, number=number: ended.put(number) if reason else None
        waiting.put(item)
    threading.Thread(target=work, args=(generator, waiting, Limits(rows=4, tokens=600)), daemon=True).start()
    assert {ended.get(timeout=60) for _ in range(5)} == set(range(5))
