"""A hosted model is counted by its encoding, a local one by its own tokenizer, and the linter sees through that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.tiny import CHATML, CONTEXT, build_tiny_model
from workbench.dataset.tokens import FormulaCounter, TemplateCounter
from workbench.workflow.context import Context, open_context
from workbench.workflow.counting import counter_of_model
from workbench.workflow.prepare import check_dataset

STRICT = "{{ raise_exception('no conversation like this') }}"


@pytest.fixture
def context(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A context whose engine knows three models with one tokenizer."""
    made = open_context(tmp_path / "home", {"FTWB_CACHE": str(tmp_path / "cache")})
    tiny = build_tiny_model(tmp_path_factory.mktemp("tiny"))

    class FakeEngine:
        """Tells where a tokenizer is."""

        async def call(self, method: str, path: str, json: Any = None, *, params: Any = None) -> Any:
            assert (method, path) == ("GET", "tokenizer")
            template = {"tiny": CHATML, "strict": STRICT, "base": None}[params["model"]]
            return {"path": str(tiny), "chat_template": template, "max_length": CONTEXT} | {
                "bos_token": "<|im_start|>",
                "eos_token": "<|im_end|>",
            }

    made.__dict__["engine"] = FakeEngine()
    return made


@pytest.mark.parametrize(("model", "profile"), [("local/tiny", None), ("tiny", "local"), ("local/tiny", "openai")])
async def test_a_local_model_has_its_own_tokenizer(context: Context, model: str, profile: str | None) -> None:
    name, counter = await counter_of_model(context, model, profile)
    assert name == "tiny" and isinstance(counter, TemplateCounter) and counter.chat_template == CHATML
    assert counter.messages([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]).exact


@pytest.mark.parametrize(("model", "profile"), [("gpt-4o", None), ("gpt-4o", "openai"), ("org/name", None)])
async def test_others_have_an_encoding(context: Context, model: str, profile: str | None) -> None:
    name, counter = await counter_of_model(context, model, profile)
    assert name == model and isinstance(counter, FormulaCounter)


@pytest.mark.parametrize(("model", "found"), [("tiny", []), ("base", []), ("strict", ["template_refuses"])])
async def test_the_linter_sees_through_the_models_template(
    context: Context, tmp_path: Path, model: str, found: list[str]
) -> None:
    """A record that the chosen model's template refuses is found, with its line."""
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}))
    name, counter = await counter_of_model(context, model, "local")
    report = check_dataset(path, model=name, counter=counter)
    assert [(finding.name, finding.line) for finding in report.findings] == [(one, 1) for one in found]
