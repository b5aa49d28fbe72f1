"""T (from T009): the JSON schemas of tools, and whether calls fit them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.dataset.formats import ChatRecord, kind_of
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_DEEPEST = 20  # levels of a schema that are looked into


def functions_of(record: ChatRecord) -> Iterator[Mapping[str, Any]]:
    """The functions that a record declares, well-formed ones."""
    for tool in record.tools or ():
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function


def schema_fault(schema: object, place: str, depth: int = 0) -> str | None:
    """The first thing wrong with a JSON schema, with its place."""
    if isinstance(schema, bool) or depth > _DEEPEST:
        return None
    if not isinstance(schema, dict):
        return f"{place} is {kind_of(schema)}, not a schema"
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds] if "type" in schema else []:
        if kind not in _TYPES:
            return f"{place} has the type {quote(kind)}"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return f"{place}.properties is {kind_of(properties)}, not an object"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return f"{place}.required is not a list of names"
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        return f"{place}.enum is not a list of values"
    if "properties" in schema:
        for name in required:
            if name not in properties:
                return f"{place} requires {quote(name)}, which is not among its properties"
    inner = [(f"{place}.{name}", item) for name, item in properties.items()]
    if isinstance(schema.get("items"), dict):
        inner.append((f"{place}.items", schema["items"]))
    return next(filter(None, (schema_fault(item, where, depth + 1) for where, item in inner)), None)


@record_rule("T009", "tool_schema", Severity.ERROR)
def tool_schema(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool's `parameters` are no JSON schema of an object.

    Providers refuse the whole file for a type that does not exist, or a required parameter that is not declared; local
    templates show it to the model as it is.
    """
    for function in functions_of(record):
        parameters = function.get("parameters")
        if not isinstance(parameters, dict) or not parameters:
            continue  # `tool_malformed` tells another type; none at all is a function without parameters
        name = quote(function["name"])
        if parameters.get("type", "object") != "object":
            yield Problem(f"parameters of tool {name} have the type {quote(parameters['type'])}, not 'object'")
            continue
        fault = schema_fault(parameters, "parameters")
        if fault:
            yield Problem(f"tool {name}: {fault}")


@record_rule("T010", "arguments_unfit", Severity.WARNING)
def arguments_unfit(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A call's arguments do not fit what the record's tool declares.

    One that is required is missing, one is not declared, or a value has another type or is not among those listed. The
    model would learn calls that fail.
    """
    if not record.tools:
        return
    declared = {function["name"]: function.get("parameters") for function in functions_of(record)}
    for index, message in enumerate(record.messages):
        for number, call in enumerate(message.tool_calls or ()):
            function = call.get("function") if isinstance(call, dict) else None
            name = function.get("name") if isinstance(function, dict) else None
            schema = declared.get(name) if isinstance(name, str) else None
            arguments = _arguments(function.get("arguments", {})) if isinstance(function, dict) else None
            if isinstance(schema, dict) and arguments is not None and schema_fault(schema, "") is None:
                for fault in unfit(arguments, schema):
                    yield Problem(f"tool call {number} of {quote(name)}: {fault}", index)


def _arguments(value: object) -> dict[str, Any] | None:
    """The arguments of a call, if they are an object or the text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None  # `arguments_not_json` tells it
    return value if isinstance(value, dict) else None


def unfit(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """In what arguments do not fit a schema without fault."""
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in arguments:
            yield f"{quote(name)} is required and missing"
    for name, value in arguments.items():
        if name not in properties:
            if "properties" in schema and not schema.get("additionalProperties"):
                yield f"{quote(name)} is not declared"
            continue
        wanted = properties[name]
        if isinstance(wanted, dict):
            kinds = wanted.get("type")
            every = kinds if isinstance(kinds, list) else [kinds] if isinstance(kinds, str) else []
            if every and not any(_is(value, kind) for kind in every):
                yield f"{quote(name)} is {kind_of(value)}, not of the type {' or '.join(every)}"
            elif "enum" in wanted and value not in wanted["enum"]:
                yield f"{quote(name)} is {quote(value)}, which is not among the values listed"


def _is(value: object, kind: str) -> bool:
    """Whether a JSON value has the type of a JSON schema."""
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "boolean":
            return isinstance(value, bool)
    return value is None


@record_rule("T011", "tool_twice", Severity.ERROR)
def tool_twice(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """Two tools of a record have the same name.

    Nobody can tell which one a call means, and providers refuse it. Rename one, or remove the copy.
    """
    seen: set[str] = set()
    for function in functions_of(record):
        if function["name"] in seen:
            yield Problem(f"two tools are called {quote(function['name'])}")
        seen.add(function["name"])


@record_rule("T012", "parallel_tool_calls", Severity.ERROR)
def parallel_tool_calls(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """`parallel_tool_calls` is not true or false, or a message calls several tools where it is false.

    The provider refuses the one; the other teaches what was forbidden. Correct the flag, or make the calls one by one.
    """
    if "parallel_tool_calls" not in record.extra:
        return
    allowed = record.extra["parallel_tool_calls"]
    if not isinstance(allowed, bool):
        yield Problem(f"`parallel_tool_calls` is {quote(allowed)}, not true or false")
    elif not allowed:
        for index, message in enumerate(record.messages):
            if len(message.tool_calls or ()) > 1:
                yield Problem(
                    f"{len(message.tool_calls or ())} calls at once, but `parallel_tool_calls` is false", index
                )
