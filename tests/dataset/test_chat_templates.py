"""The built-in templates render what they are known for, here and in transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.tiny import build_tiny_model
from workbench.dataset.chat_templates import BUILT_IN
from workbench.dataset.template import Rendered, render

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi <b>there</b> & you\n"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": " Bye. "},
]


def rendered(name: str, messages: list[dict[str, Any]], eos: str | None = "</s>", **more: Any) -> Rendered:
    return render(messages, chat_template=BUILT_IN[name], bos_token=None, eos_token=eos, **more)


def trained(result: Rendered) -> list[str]:
    return [result.text[start:end] for start, end in result.trained_spans]


def test_chatml() -> None:
    result = rendered("chatml", CHAT[:3])
    assert result.text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi <b>there</b> & you\n<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n"
    )
    assert trained(rendered("chatml", CHAT)) == ["Hello.<|im_end|>", " Bye. <|im_end|>"]


def test_zephyr_ends_turns_with_the_models_own_end_token() -> None:
    result = rendered("zephyr", CHAT[1:3], eos="<|endoftext|>")
    assert result.text == ("<|user|>\nHi <b>there</b> & you\n<|endoftext|>\n<|assistant|>\nHello.<|endoftext|>\n")
    assert trained(result) == ["Hello.<|endoftext|>"]
    assert rendered("zephyr", CHAT[2:3], eos=None).text == "<|assistant|>\nHello.</s>\n"


def test_none_adds_nothing() -> None:
    text = rendered("none", [{"role": "assistant", "content": "Once upon a time."}])
    assert (text.text, trained(text)) == ("Once upon a time.", ["Once upon a time."])
    both = rendered("none", CHAT[1:3])
    assert both.text == "Hi <b>there</b> & you\n\nHello."
    assert trained(both) == ["Hello."]


@pytest.mark.parametrize("name", BUILT_IN)
def test_parts_and_calls_are_rendered_in_their_place(name: str) -> None:
    """An image by its kind, a call as JSON: nothing that is trained is left out."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "see "}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    result = rendered(name, messages)
    assert "see <image_url>" in result.text
    assert '"name": "look"' in trained(result)[0]


def test_transformers_renders_the_same(tmp_path: Path) -> None:
    """Byte for byte, so that a base model can be trained with it."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(build_tiny_model(tmp_path))
    tokens = {"bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token}
    for name, template in BUILT_IN.items():
        for generation in (False, True):
            theirs = tokenizer.apply_chat_template(
                CHAT, chat_template=template, tokenize=False, add_generation_prompt=generation
            )
            ours = render(CHAT, chat_template=template, **tokens, add_generation_prompt=generation)
            assert ours.text == theirs, name
