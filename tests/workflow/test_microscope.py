"""The microscope: what a model reads of a record, held against what the trainer gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from tests.engine.tiny import CHATML, CONTEXT, build_tiny_model
from workbench.dataset.formats import Format
from workbench.dataset.template import render, tokenize
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context, open_context
from workbench.workflow.microscope import GUTTERS, Lens, lens_of, magnify, strips

CHAT = {
    "messages": [
        {"role": "user", "content": "Where is\tit? 漢字 👩‍🔬 \x1b[31m"},
        {"role": "assistant", "content": "shipping", "weight": 0},
        {"role": "user", "content": "And <|im_end|> now?"},
        {"role": "assistant", "content": "billing\nrefund"},
    ]
}
PAIR = {
    "prompt": [{"role": "user", "content": "q"}],
    "chosen": [{"role": "assistant", "content": "good"}],
    "rejected": [{"role": "assistant", "content": "bad"}],
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def context(tmp_path: Path, tiny: Path) -> Context:
    """A context whose engine knows one model, `tiny`."""
    made = open_context(tmp_path / "home", {"FTWB_CACHE": str(tmp_path / "cache")})

    class FakeEngine:
        """Tells of the tiny model, and of no other."""

        async def call(self, method: str, path: str, json: Any = None, *, params: Any = None) -> Any:
            assert (method, path) == ("GET", "tokenizer")
            template = {"tiny": CHATML, "base": ""}[params["model"]]
            told = {"path": str(tiny), "chat_template": template, "max_length": CONTEXT}
            return told | {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}

    made.__dict__["engine"] = FakeEngine()
    return made


def text_of(magnified: Any, **more: Any) -> str:
    lines = strips(magnified, **more)
    return "\n".join(GUTTERS[line.kind] + "".join(text for text, _ in line.pieces) for line in lines)


async def test_a_local_model_is_shown_as_the_trainer_gets_it(context: Context, tiny: Path) -> None:
    """The same tokens, the same mask, and every character of the rendering is there once."""
    seen = magnify(CHAT, Format.CHAT, await lens_of(context, "local/tiny"))
    rendered = render(CHAT["messages"], chat_template=CHATML, bos_token="<|im_start|>", eos_token="<|im_end|>")
    theirs = tokenize(rendered, Tokenizer.from_file(str(tiny / "tokenizer.json")), None)
    assert [token.trained for token in seen.tokens] == theirs.trained
    assert "".join(token.text for token in seen.tokens) == rendered.text
    assert seen.lens.exact


async def test_trained_text_stands_behind_a_bar_and_special_tokens_in_brackets(context: Context) -> None:
    """An answer of weight 0 is not trained; a mark that the record itself holds is a special token too."""
    seen = magnify(CHAT, Format.CHAT, await lens_of(context, "local/tiny"))
    assert text_of(seen).splitlines() == [
        "  ⟨<|im_start|>⟩user⏎",
        "  Where is⇥it? 漢字 👩‍🔬 ␛[31m⟨<|im_end|>⟩⏎",
        "  ⟨<|im_start|>⟩assistant⏎",
        "  shipping⟨<|im_end|>⟩⏎",
        "  ⟨<|im_start|>⟩user⏎",
        "  And ⟨<|im_end|>⟩ now?⟨<|im_end|>⟩⏎",
        "  ⟨<|im_start|>⟩assistant⏎",
        "▌ billing⏎",
        "▌ refund⟨<|im_end|>⟩",
        "  ⏎",
    ]


async def test_the_cut_stands_where_the_limit_is(context: Context) -> None:
    """What is beyond it is lost, trained or not, and the summary says how much."""
    whole = magnify(CHAT, Format.CHAT, await lens_of(context, "local/tiny"))
    limit = len(whole.tokens) - 2
    seen = magnify(CHAT, Format.CHAT, await lens_of(context, "local/tiny", limit=limit))
    assert seen.cut_at == limit
    assert seen.trained == whole.trained - 1
    lines = text_of(seen).splitlines()
    assert lines[-2:] == [f"  ──── cut here: {limit:,} of {limit + 2:,} tokens are kept ────", "░ ⟨<|im_end|>⟩⏎"]
    assert f"cut at {limit:,}, 1 trained ones lost" in seen.summary
    assert whole.cut_at is None


async def test_boundaries_show_every_token(context: Context) -> None:
    """One bar fewer than tokens on a line; blanks at their edges can be seen."""
    record = {"messages": [{"role": "assistant", "content": "and the order"}]}
    seen = magnify(record, Format.CHAT, await lens_of(context, "local/tiny"))
    (line,) = [one for one in text_of(seen, boundaries=True).splitlines() if one.startswith("▌")]
    assert line.count("│") == seen.trained - 1
    assert "·the" in line.replace("│", "")


async def test_hosted_models_are_an_estimate_with_one_token_a_mark(context: Context) -> None:
    seen = magnify(CHAT, Format.CHAT, await lens_of(context, "gpt-4o"))
    assert not seen.lens.exact
    assert "about" in seen.summary
    assert sum(token.special for token in seen.tokens) == 9
    assert "".join(token.text for token in seen.tokens).endswith("refund<|im_end|>\n")
    unnamed = await lens_of(context, None)
    assert (unnamed.model, unnamed.limit) == ("cl100k_base", 16_385)
    other = await lens_of(context, "openai/gpt-4o")
    assert other.model.startswith("gpt-4o ")


@pytest.mark.parametrize("template", ["chatml", "zephyr", "none"])
async def test_every_template_can_be_chosen_for_a_model(context: Context, template: str) -> None:
    seen = magnify(CHAT, Format.CHAT, await lens_of(context, "local/tiny", template))
    assert seen.lens.template == template
    assert (template == "zephyr") == ("<|user|>" in "".join(token.text for token in seen.tokens))
    assert "not with" in seen.lens.note


async def test_what_cannot_be_shown_gets_a_sentence(context: Context) -> None:
    with pytest.raises(WorkbenchError, match="does not exist"):
        await lens_of(context, "local/tiny", "nonsense")
    with pytest.raises(WorkbenchError, match="has no chat template"):
        await lens_of(context, "local/base")
    assert (await lens_of(context, "local/base", "chatml")).template == "chatml"
    with pytest.raises(WorkbenchError, match="is not published"):
        await lens_of(context, "gpt-4o", "own")
    with pytest.raises(WorkbenchError, match="messages"):
        magnify({"messages": 3}, Format.CHAT, await lens_of(context, None))


async def test_a_template_that_refuses_the_record_says_so(context: Context) -> None:
    lens = await lens_of(context, "local/tiny")
    strict = "{{ raise_exception('roles must alternate') }}"
    refusing = Lens(lens.model, lens.template, strict, lens.cuts, lens.limit, lens.exact)
    with pytest.raises(WorkbenchError, match="roles must alternate"):
        magnify(CHAT, Format.CHAT, refusing)


async def test_of_a_pair_either_answer_can_be_seen(context: Context) -> None:
    lens = await lens_of(context, "local/tiny")
    assert "▌ good" in text_of(magnify(PAIR, Format.TRL_PREFERENCE, lens))
    assert "▌ bad" in text_of(magnify(PAIR, Format.TRL_PREFERENCE, lens, other_side=True))


async def test_nothing_to_learn_is_said(context: Context) -> None:
    record = {"messages": [{"role": "user", "content": "only a question"}]}
    assert magnify(record, Format.CHAT, await lens_of(context, "local/tiny")).summary.endswith(
        "nothing would be learnt"
    )


# The command ----------------------------------------------------------------------------------------------------------


def test_dataset_show(capsys: pytest.CaptureFixture[str], write: Any, monkeypatch: Any, tmp_path: Path) -> None:
    """The same rendering as text, or one document; a line without a record is a usage error."""
    from workbench.cli import main

    monkeypatch.setenv("FTWB_CACHE", str(tmp_path / "cache"))
    path = str(write("data.jsonl", json.dumps(CHAT) + "\n\n" + json.dumps(CHAT) + "\n"))
    assert main(["dataset", "show", path, "--line", "3", "--model", "gpt-4o"]) == 0
    printed = capsys.readouterr().out
    assert "▌ billing⏎" in printed and "\x1b" not in printed
    assert main(["dataset", "show", path, "--line", "1", "--template", "zephyr", "--max-tokens", "9", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["template"], document["cut_at"], document["limit"]) == ("zephyr", 9, 9)
    assert document["n_tokens"] == len(document["tokens"]) > 9
    assert main(["dataset", "show", path, "--line", "1", "--boundaries"]) == 0
    assert "│" in capsys.readouterr().out
    assert main(["dataset", "show", path, "--line", "2"]) == 2
    assert "holds no record" in capsys.readouterr().err
