"""The fast counter counts as tiktoken does, whatever the text, with or without toktok."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset import fast_tokens
from workbench.dataset.counting import Counting, counting_of
from workbench.dataset.fast_tokens import _NEWER, _SAMPLE, FastText
from workbench.dataset.tokens import FormulaCounter, encoding_counter, load_encoding, template_counter
from workbench.errors import WorkbenchError

ENCODINGS = ("o200k_base", "cl100k_base")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vocabulary")


@pytest.fixture(scope="module", params=ENCODINGS)
def fast(request: pytest.FixtureRequest, cache: Path) -> FastText:
    return FastText(request.param, cache)


def reference(fast: FastText, cache: Path, text: str) -> int:
    return len(load_encoding(fast._name, cache).encode_ordinary(text))


PIECES = (
    "<|endoftext|>", "<|fim_prefix|>", "<|im_start|>", "'s", "'LL", " don't", "\r\n", "\n\n", "  ", "\u00a0", "\u3000",
    "\u200d", "\ufeff", "e\u0301", "\u0661\u0662", "\u0130", "\u017f", "\u212a", "👩🏽‍💻", "🇵🇹", "\ud83d", "\ude00",
    "क्षि", "안", "漢字", "a" * 60, "0" * 11, "\x00", "\x85", "\u2028",
)  # fmt: skip
LETTERS = st.characters(categories=("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No", "Cn"))
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.text(alphabet=LETTERS),
        st.text(alphabet="abcABC  \n\r\t'’0123.,_-/", max_size=20),
        st.sampled_from(PIECES),
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_it_counts_as_tiktoken_does(fast: FastText, cache: Path, text: str) -> None:
    """Scripts, emoji, halves of characters, look-alikes of special tokens."""
    assert fast.count(text) == reference(fast, cache, text)
    raw = json.dumps(text).encode()
    if fast.plain(raw) and fast.plain(text.encode("utf-8", "replace")) and text.isprintable():
        assert fast.quick(text) == fast.count(text)


def test_it_is_fast_where_toktok_is_installed(fast: FastText) -> None:
    """Here it is: a sample that disagrees would go unnoticed otherwise."""
    assert fast.is_fast


def test_the_sample_is_what_tiktoken_counts(cache: Path) -> None:
    """The numbers in the source are tiktoken's own."""
    for text, *counts in _SAMPLE:
        assert [len(load_encoding(name, cache).encode_ordinary(str(text))) for name in ENCODINGS] == counts


def test_characters_newer_than_tiktoken_are_counted_by_it(fast: FastText, cache: Path) -> None:
    """Wherever one stands, as itself or as an escape, the block is not plain and the count is tiktoken's."""
    edges = [char for char in _NEWER if char != "-"]
    differing = 0
    for char in edges:
        text = f"a{char}'s b"
        assert not fast.plain(text.encode())
        assert not fast.plain(json.dumps(text).encode())
        assert not fast.plain(json.dumps(text).upper().replace("\\U", "\\u").encode())
        assert fast.count(text) == reference(fast, cache, text)
        differing += fast.quick(text) != reference(fast, cache, text)
    assert differing > len(edges) / 2, "the two agree by now: the guard may go"


def test_text_of_every_day_is_plain(fast: FastText) -> None:
    """The guard must not send whole files to the slow counter."""
    text = "Grüße, 你好 👩🏽‍💻 посылка पार्सल 안녕 \u1ab0"
    assert fast.plain(text.encode()) and fast.plain(json.dumps(text).encode())


def test_a_toktok_that_disagrees_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One number off, and tiktoken counts everything."""
    wrong = (*_SAMPLE[:-1], (_SAMPLE[-1][0], 1, 1))
    monkeypatch.setattr(fast_tokens, "_SAMPLE", wrong)
    slow = FastText("cl100k_base", cache)
    assert not slow.is_fast
    assert slow.count("hello world") == slow.quick("hello world") == 2


def test_without_toktok_tiktoken_counts(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is slower, not wrong."""
    monkeypatch.setitem(sys.modules, "toktok", None)
    slow = FastText("cl100k_base", cache)
    assert not slow.is_fast
    assert slow.count("hello \ud83d") == len(load_encoding("cl100k_base", cache).encode_ordinary("hello \ud83d"))


def test_a_counter_can_be_made_again_elsewhere(cache: Path) -> None:
    """From plain values, to the same numbers; one that was made of any function cannot."""
    counter = encoding_counter("cl100k_base", cache, exact=False)
    again = counting_of(counter)
    assert again == Counting("cl100k_base", False, cache=str(cache))
    made = again.counter()
    messages = [{"role": "user", "content": "hé", "name": "a"}, {"role": "assistant", "content": None, "weight": 1}]
    assert made.messages(messages, [{"type": "function"}]) == counter.messages(messages, [{"type": "function"}])
    assert (made.name, made.exact) == (counter.name, counter.exact)
    assert counting_of(FormulaCounter("words", True, len)) is None
    assert counting_of(None) is None


def test_a_tokenizer_of_an_open_model_can_be_made_again(tmp_path: Path) -> None:
    """Its file and its template are all it takes."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    template = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}"
    counter = template_counter(
        tmp_path / "tokenizer.json", name="m", chat_template=template, bos_token="<s>", eos_token=None
    )
    again = counting_of(counter)
    assert again is not None and again.bos_token == "<s>"
    messages = [{"role": "user", "content": "a b"}]
    assert again.counter().messages(messages) == counter.messages(messages)


def test_the_vocabulary_is_loaded_when_it_is_needed(tmp_path: Path) -> None:
    """A process whose workers count never pays for it; a name that is wrong is still told at once."""
    counter = encoding_counter("cl100k_base", tmp_path)
    assert not (tmp_path / "tiktoken").exists()
    assert counter.text("hello world") == 2
    assert (tmp_path / "tiktoken").exists()
    with pytest.raises(WorkbenchError, match="is not one that ftwb ships"):
        encoding_counter("p50k_base", tmp_path)
