"""OpenAI's published schemas as validators of what the engine sends."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

SPEC = Path(__file__).parents[1] / "data" / "openai-fine-tuning.openapi.json"


@functools.cache
def _registry() -> Registry:
    document = json.loads(SPEC.read_text(encoding="utf-8"))
    return Registry().with_resource("spec:", Resource.from_contents(document, default_specification=DRAFT202012))


@functools.cache
def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"spec:#/components/schemas/{schema}"}, registry=_registry())


def check(schema: str, body: Any) -> Any:
    """`body`, which must fit the schema of that name."""
    problems = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator(schema).iter_errors(body)]
    if schema == "CreateChatCompletionStreamResponse":
        # its enum leaves out the null that its type allows and that OpenAI sends in every chunk but the last
        problems = [problem for problem in problems if "finish_reason: None is not one of" not in problem]
    assert not problems, f"{schema}: {problems}"
    return body
