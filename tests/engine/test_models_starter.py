"""The starter model itself: needs `ftwb model pull starter`, into whatever cache is configured."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tokenizers import Tokenizer

from workbench.dataset.template import render
from workbench.engine.hosts.pool import Endpoint, HostPool, ServedModel
from workbench.engine.models.errors import ModelMissing
from workbench.engine.models.folder import ModelFolder
from workbench.engine.models.store import ModelStore
from workbench.engine.trainers import trainer_folder
from workbench.resources import samples_dir
from workbench.workspace import paths

pytestmark = [pytest.mark.starter, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cache() -> Path:
    return paths.cache(os.environ)


@pytest.fixture(scope="module")
def model(cache: Path) -> ModelFolder:
    try:
        return ModelStore(cache).resolve("starter")
    except ModelMissing as error:
        pytest.fail(f"{error} (looked in {cache}; `ftwb model pull starter` fetches it)")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as found:
        yield found


@pytest.fixture(scope="module")
def pool(cache: Path, runner: asyncio.Runner) -> Iterator[HostPool]:
    runtime = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    found = HostPool(runtime, cache, budget_bytes=4 * 2**30)
    yield found
    runner.run(found.close())
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture(scope="module")
def base(model: ModelFolder, pool: HostPool, runner: asyncio.Runner) -> Endpoint:
    return runner.run(pool.endpoint(ServedModel("starter", model, None, model.sha256)))


async def post(endpoint: Endpoint, path: str, body: dict[str, Any]) -> Any:
    async with httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(uds=str(endpoint.uds)),
        base_url="http://host",
        headers={"Authorization": f"Bearer {endpoint.api_key}"},
        timeout=120,
    ) as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def records(sample: str, part: str, count: int) -> list[list[dict[str, Any]]]:
    lines = (samples_dir() / sample / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    return [json.loads(line)["messages"] for line in lines]


def test_the_starter_is_what_it_should_be(model: ModelFolder) -> None:
    assert model.parameters == 134_515_008
    assert (model.bos_token, model.eos_token, model.max_length) == ("<|im_start|>", "<|im_end|>", 8192)
    assert model.architecture == "LlamaForCausalLM"


def test_pulling_it_again_touches_nothing(cache: Path, model: ModelFolder) -> None:
    """Nor does it need a network: it is here."""
    seen: list[object] = []
    assert asyncio.run(ModelStore(cache).pull("starter", seen.append)) == model
    assert seen == []


def test_hosting_reads_prompts_and_tokens_as_training_does(
    model: ModelFolder, base: Endpoint, runner: asyncio.Runner
) -> None:
    """llama.cpp's own template engine and tokenizer against ours, on the bundled records."""
    tokenizer = Tokenizer.from_file(str(model.path / "tokenizer.json"))
    for sample in ("tickets", "recipes", "clippy", "elements", "languages"):
        for messages in records(sample, "train", 10):
            prompt = render(
                messages[:-1],
                chat_template=model.chat_template,
                bos_token=model.bos_token,
                eos_token=model.eos_token,
                add_generation_prompt=True,
            ).text
            theirs = runner.run(post(base, "/apply-template", {"messages": messages[:-1]}))
            assert theirs["prompt"] == prompt
            wanted = {"content": prompt, "add_special": False, "parse_special": True}
            ids = runner.run(post(base, "/tokenize", wanted))["tokens"]
            assert ids == tokenizer.encode(prompt, add_special_tokens=False).ids


def test_the_quantised_model_is_the_model(model: ModelFolder, base: Endpoint, runner: asyncio.Runner) -> None:
    """Q8_0 in llama.cpp against fp32 in transformers: the next token's probabilities stay near."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.path)
    loaded = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32)
    for question in ("What is the capital of France?", "Write a haiku about rain.", "2 + 2 ="):
        messages = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.inference_mode():
            expected = loaded(**ids).logits[0, -1].log_softmax(-1)
        body = {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 5}
        (first,) = runner.run(post(base, "/v1/chat/completions", body))["choices"][0]["logprobs"]["content"]
        for found in first["top_logprobs"]:
            assert found["logprob"] == pytest.approx(float(expected[found["id"]]), abs=0.6)


def test_twenty_steps_teach_it_the_labels(
    model: ModelFolder, cache: Path, pool: HostPool, base: Endpoint, runner: asyncio.Runner, tmp_path: Path
) -> None:
    """The whole road: records → tokens → LoRA → merged Q8_0 → answers, base and tuned side by side."""
    (tmp_path / "data").mkdir()
    source = samples_dir() / "tickets" / "train.jsonl"
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)[:80]
    (tmp_path / "data/train.jsonl").write_text("".join(lines), encoding="utf-8")
    shutil.copytree(trainer_folder("sft"), tmp_path / "code")
    job = {
        "base": {"id": "starter", "path": str(model.path), "sha256": model.sha256},
        "train": "data/train.tokens.jsonl",
        "validation": None,
        "settings": {"max_steps": 20},
        "seed": 7,
    }
    (tmp_path / "settings.json").write_text(json.dumps(job))
    subprocess.run([sys.executable, "-m", "workbench.engine.prepare", str(tmp_path)], check=True)
    with (tmp_path / "train.log").open("w") as log:
        command = [sys.executable, str(tmp_path / "code"), str(tmp_path)]
        subprocess.run(command, check=True, stdout=log, stderr=log)
    progress = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    losses = [line["data"]["train_loss"] for line in progress if line["kind"] == "log"]
    assert losses[0] > 4
    assert sum(losses[-5:]) / 5 < 1.6

    sha256 = f"test{os.getpid()}"
    try:
        tuned = runner.run(pool.endpoint(ServedModel("ft:starter", model, tmp_path / "model", sha256)))
        assert (base.host, base.precision) == (tuned.host, tuned.precision) == ("llama.cpp", "Q8_0")
        labels = records("tickets", "test", 1)[0][0]["content"].rpartition(": ")[2].strip(".").split(", ")

        def hits(endpoint: Endpoint) -> int:
            """Answers that are one of the labels and nothing else."""
            count = 0
            for messages in records("tickets", "test", 20):
                body = {"messages": messages[:-1], "max_tokens": 12, "temperature": 0}
                answer = runner.run(post(endpoint, "/v1/chat/completions", body))
                count += answer["choices"][0]["message"]["content"].strip() in labels
            return count

        assert hits(tuned) >= hits(base) + 10
    finally:
        shutil.rmtree(cache / "served" / sha256, ignore_errors=True)
