"""A model folder in transformers' layout, read without torch or transformers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engine.models.errors import ModelRefused

SUFFIXES = frozenset({".safetensors", ".json", ".model", ".jinja", ".txt"})
"""Files that a model consists of. Never `.py` (code), `.bin`, `.pt` or `.pth` (pickles)."""

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")

DEFAULT_MAX_LENGTH = 2048
"""Tokens, where neither config.json nor tokenizer_config.json names a plausible number."""

_UNBOUNDED = 10**7
"""transformers writes 1e30 for a tokenizer without a limit."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A base model that is on this machine."""

    id: str
    """Its name on the wire: `starter`, `org/name`, or an absolute path."""
    path: Path
    sha256: str
    """Of weights, configuration, tokenizer and template: the content, not the name or the place."""
    size: int
    """Bytes of its weights on disk."""
    parameters: int
    chat_template: str
    """Empty where the model has none: such a model completes text and cannot chat."""
    bos_token: str | None
    eos_token: str | None
    max_length: int
    """The most tokens that the model reads."""
    architecture: str
    """The model class, as config.json names it."""
    config: dict[str, Any]


def read_folder(path: Path, model_id: str, hashes: Path | None = None) -> ModelFolder:
    """The model in `path`. `hashes` is a folder that remembers content hashes. Raises ModelRefused."""
    config = _read_json(path / "config.json")
    if not config:
        raise ModelRefused(str(path), "has no config.json", "give a folder that transformers can load")
    tokenizer = _read_json(path / "tokenizer_config.json")
    weights = weight_files(path)
    if "auto_map" in config:
        raise ModelRefused(
            str(path), "needs code of its own, which ftwb does not run", "use a model that transformers knows"
        )
    return ModelFolder(
        id=model_id,
        path=path,
        sha256=content_sha256(path, hashes),
        size=sum(file.stat().st_size for file in weights),
        parameters=sum(_parameters(file) for file in weights),
        chat_template=chat_template(path, tokenizer) or "",
        bos_token=_token(tokenizer.get("bos_token")),
        eos_token=_token(tokenizer.get("eos_token")),
        max_length=_max_length(config, tokenizer),
        architecture=str((config.get("architectures") or ["unknown"])[0]),
        config=config,
    )


def weight_files(path: Path) -> list[Path]:
    """The folder's safetensors files. Raises ModelRefused, naming a pickle where there is one instead."""
    files = sorted(path.glob("*.safetensors"))
    if files:
        return files
    for pattern in _PICKLES:
        for pickle in sorted(path.glob(pattern)):
            raise ModelRefused(
                str(pickle), "is a pickle, which can run any code when it is loaded", "convert it to safetensors"
            )
    raise ModelRefused(str(path), "has no weights (*.safetensors)", "give a folder that transformers saved")


def content_sha256(path: Path, hashes: Path | None = None) -> str:
    """A stable hash over weights, configuration, tokenizer and template, remembered as long as no file changes."""
    files = [path / name for name in ("config.json", "tokenizer.json", "tokenizer.model")]
    files = [file for file in files if file.exists()] + weight_files(path)
    stamp = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    template = chat_template(path, _read_json(path / "tokenizer_config.json")) or ""
    memory = hashes / hashlib.sha256(str(path.resolve()).encode()).hexdigest() if hashes else None
    if memory is not None:
        known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ModelRefused):  # torn by a power cut: computed again
            known = _read_json(memory)
        if known.get("stamp") == stamp and known.get("template") == template:
            return str(known["sha256"])
    digest = hashlib.sha256(template.encode())
    for file in sorted(files):
        with file.open("rb") as stream:
            digest.update(f"\0{file.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}".encode())
    if memory is not None:
        with contextlib.suppress(OSError):  # a full disk, a cache that is read-only: it is computed again next time
            memory.parent.mkdir(parents=True, exist_ok=True)
            temporary = memory.with_suffix(f".{id(digest)}")
            temporary.write_text(json.dumps({"stamp": stamp, "template": template, "sha256": digest.hexdigest()}))
            temporary.replace(memory)
    return digest.hexdigest()


def chat_template(path: Path, tokenizer: dict[str, Any]) -> str | None:
    """The folder's chat template: its own file, or the tokenizer configuration's (the one named default)."""
    file = path / "chat_template.jinja"
    if file.exists():
        return file.read_text(encoding="utf-8")
    template = tokenizer.get("chat_template")
    if isinstance(template, list):
        named = {str(item.get("name")): item.get("template") for item in template if isinstance(item, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def tensors(file: Path) -> Iterator[tuple[str, str, list[int]]]:
    """Name, dtype and shape of each tensor of a safetensors file, from its header. Raises ModelRefused."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > 100_000_000:  # the format's own limit for a header
                raise ValueError("the header is too long")
            header = json.loads(stream.read(length))
        found = [(name, str(entry["dtype"]), [int(length) for length in entry["shape"]])
                 for name, entry in header.items() if name != "__metadata__"]  # fmt: skip
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelRefused(str(file), f"is not a safetensors file ({error})", "fetch the model again") from error
    yield from found


def _parameters(file: Path) -> int:
    total = 0
    for _, _, shape in tensors(file):
        count = 1
        for length in shape:
            count *= length
        total += count
    return total


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelRefused(str(path), f"is not JSON ({error})", "fetch the model again") from error
    return value if isinstance(value, dict) else {}


def _token(value: object) -> str | None:
    """A special token, which older files write as an object."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _max_length(config: dict[str, Any], tokenizer: dict[str, Any]) -> int:
    found = [config.get("max_position_embeddings"), config.get("n_positions"), tokenizer.get("model_max_length")]
    lengths = [int(value) for value in found if isinstance(value, int | float) and 0 < value < _UNBOUNDED]
    return min(lengths, default=DEFAULT_MAX_LENGTH)
