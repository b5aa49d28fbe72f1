"""Request bodies: JSON, checked against the ranges of OpenAI's specification."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect, Request

from workbench.engine.api.errors import ApiError, invalid

LONGEST_BODY = 64 << 20
"""Bytes of a JSON body; files come as multipart and have no such limit."""

M = TypeVar("M", bound=BaseModel)

_CODES = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
    "string_too_long": "string_above_max_length",
    "string_too_short": "string_below_min_length",
    "too_long": "array_above_max_length",
    "too_short": "array_below_min_length",
    "less_than_equal": "integer_above_max_value",
    "less_than": "integer_above_max_value",
    "greater_than_equal": "integer_below_min_value",
    "greater_than": "integer_below_min_value",
    "literal_error": "invalid_value",
    "value_error": "invalid_value",
}
"""pydantic's error types as OpenAI's codes; other types are `invalid_type`, codes of our own validators stand."""


class Body(BaseModel):
    """Nothing is coerced, and what is not known is refused by name."""

    model_config = ConfigDict(strict=True, extra="forbid")


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises ApiError 400 or 413."""
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > LONGEST_BODY:
                raise ApiError(413, "The body is larger than 64 MiB.", code="body_too_large")
    except ClientDisconnect as error:
        raise ApiError(400, "The body broke off.", code="invalid_json") from error
    try:
        body = json.loads(content, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is valid JSON, but no text
    except (ValueError, RecursionError) as error:
        message = "We could not parse the JSON body of your request."
        raise ApiError(400, f"{message} ({_reason(error)})", code="invalid_json") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """1e999 is valid JSON and reads as infinity, which no answer could ever repeat."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeError):
        return "not valid Unicode text"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def parse(kind: type[M], body: dict[str, Any]) -> M:
    """`body` as `kind`. Raises ApiError 400 that names the first parameter at fault."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise _first_problem(error) from error


def _first_problem(error: ValidationError) -> ApiError:
    """Unknown and missing parameters last: a wrong value says more."""
    details = error.errors(include_url=False, include_context=False)
    detail = min(details, key=lambda one: one["type"] in ("extra_forbidden", "missing"))
    param = ".".join(str(part) for part in detail["loc"]) or "body"
    kind = detail["type"]
    code = kind if kind in _OURS else _CODES.get(kind, "invalid_type")
    if kind == "missing":
        message = f"Missing required parameter: '{param}'."
    elif kind == "extra_forbidden":
        message = f"Unrecognized request argument supplied: {param}"
    else:
        message = f"Invalid value for '{param}': {detail['msg'][:1].lower()}{detail['msg'][1:]}."
    return ApiError(400, message, code=code, param=param)


_OURS = frozenset(
    {
        "invalid_type",
        "invalid_value",
        "unsupported_value",
        "unsupported_parameter",
        "integer_below_min_value",
        "integer_above_max_value",
        "decimal_below_min_value",
        "decimal_above_max_value",
        "string_above_max_length",
        "object_above_max_properties",
    }
)
"""The codes that our own validators use, in OpenAI's words."""


def fault(code: str, message: str) -> PydanticCustomError:
    """A validator's complaint with a code of OpenAI's."""
    return PydanticCustomError(code, "{text}", {"text": message})


def _auto_or_int(low: int, high: int) -> BeforeValidator:
    def check(value: object) -> object:
        if value == "auto":
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise fault("invalid_type", f'expected "auto" or an integer from {low} to {high}')
        if value < low:
            raise fault("integer_below_min_value", f"expected at least {low}, got {value}")
        if value > high:
            raise fault("integer_above_max_value", f"expected at most {high}, got {value}")
        return value

    return BeforeValidator(check)


def _auto_or_number(above: float, most: float | None = None) -> BeforeValidator:
    def check(value: object) -> object:
        if value == "auto":
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise fault("invalid_type", f'expected "auto" or a number above {above:g}')
        if value <= above:
            raise fault("decimal_below_min_value", f"expected more than {above:g}, got {value}")
        if most is not None and value > most:
            raise fault("decimal_above_max_value", f"expected at most {most:g}, got {value}")
        return value

    return BeforeValidator(check)


class Hyperparameters(Body):
    """OpenAI's, of all methods."""

    n_epochs: Annotated[Any, _auto_or_int(1, 50)] = "auto"
    batch_size: Annotated[Any, _auto_or_int(1, 256)] = "auto"
    learning_rate_multiplier: Annotated[Any, _auto_or_number(0, 10_000)] = "auto"  # a learning rate of 10


class PreferenceHyperparameters(Hyperparameters):
    """Those of dpo."""

    beta: Annotated[Any, _auto_or_number(0, 2)] = "auto"


class Supervised(Body):
    """method.supervised."""

    hyperparameters: Hyperparameters | None = None


class Preference(Body):
    """method.dpo."""

    hyperparameters: PreferenceHyperparameters | None = None


class MethodChoice(Body):
    """method."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Preference | None = None
    reinforcement: dict[str, Any] | None = None


class Extra(Body):
    """Our own object in a job's creation."""

    method: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    trainer_python: str | None = Field(default=None, min_length=1)


def _metadata(value: object) -> object:
    """16 pairs of text, keys of at most 64 characters, values of at most 512."""
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise fault("invalid_type", "expected an object of strings")
    if len(value) > 16:
        raise fault("object_above_max_properties", f"expected at most 16 pairs, got {len(value)}")
    for key, text in value.items():
        if len(key) > 64 or len(text) > 512:
            raise fault("string_above_max_length", "keys have at most 64 characters, values 512")
    return value


Metadata = Annotated[dict[str, str] | None, BeforeValidator(_metadata)]


class CreateJob(Body):
    """POST /v1/fine_tuning/jobs."""

    model: str = Field(min_length=1)
    training_file: str = Field(min_length=1)
    validation_file: str | None = None
    hyperparameters: Hyperparameters | None = None
    suffix: str | None = Field(default=None, min_length=1, max_length=64)
    integrations: list[dict[str, Any]] | None = None
    seed: int | None = Field(default=None, ge=0, le=2147483647)
    method: MethodChoice | None = None
    metadata: Metadata = None
    ftwb: Extra | None = None


def integer_query(request: Request, name: str, default: int, *, low: int = 1, high: int = 10_000) -> int:
    """An integer of the query string. Raises ApiError 400."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise invalid(f"Invalid value for '{name}': expected an integer, got {text!r}.", name, "invalid_type") from None
    if not low <= value <= high:
        code = "integer_below_min_value" if value < low else "integer_above_max_value"
        raise invalid(f"Invalid value for '{name}': expected {low} to {high}, got {value}.", name, code)
    return value
