"""T: tools, calls of them and their results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from workbench.dataset.formats import ChatRecord, Message, kind_of
from workbench.dataset.formats.legacy import functions_to_tools
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule


def _call_fault(call: object) -> str | None:
    """What is wrong with one entry of `tool_calls`, arguments apart."""
    if not isinstance(call, dict):
        return f"is {kind_of(call)}, not an object"
    function = call.get("function")
    if call.get("type", "function") == "function" and not isinstance(function, dict):
        return "has no `function`"
    if isinstance(function, dict) and not (isinstance(function.get("name"), str) and function["name"]):
        return "has no function name"
    return None


def _function_calls(message: Message) -> Iterator[tuple[int, dict[str, Any]]]:
    """The well-formed function calls of a message, with their number."""
    for number, call in enumerate(message.tool_calls or ()):
        if _call_fault(call) is None and isinstance(call.get("function"), dict):
            yield number, call


@record_rule("T001", "tool_call_malformed", Severity.ERROR)
def tool_call_malformed(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool call does not say what it calls.

    An entry of `tool_calls` is `{"id", "type": "function", "function": {"name", "arguments"}}`, in an assistant's
    message.
    """
    for index, message in enumerate(record.messages):
        if "tool_calls" in message.extra:
            yield Problem(f"`tool_calls` is {kind_of(message.extra['tool_calls'])}, not a list", index)
        if message.tool_calls and message.role != "assistant":
            yield Problem(f"a {message.role or 'nameless'} message calls a tool", index)
        for number, call in enumerate(message.tool_calls or ()):
            fault = _call_fault(call)
            if fault:
                yield Problem(f"tool call {number} {fault}", index)


def arguments_to_text(value: Any) -> int:
    """Write a tool call's arguments as text of JSON where they are an object."""
    changed = 0
    for message in value["messages"]:
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
                function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
                changed += 1
    return changed


@record_rule(
    "T002", "arguments_not_text", Severity.ERROR, profiles={"openai", "azure", "compatible"}, fix=arguments_to_text
)
def arguments_not_text(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool call's `arguments` are an object, but the API takes text that holds JSON.

    The fix writes the same object as text. (Local chat templates take either.)
    """
    for index, message in enumerate(record.messages):
        for number, call in _function_calls(message):
            arguments = call["function"].get("arguments", "{}")
            if not isinstance(arguments, str):
                text = f"arguments of tool call {number} are {kind_of(arguments)}, not text"
                yield Problem(text, index, fixable=isinstance(arguments, dict))


@record_rule("T003", "arguments_not_json", Severity.ERROR)
def arguments_not_json(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool call's `arguments` are text, but not JSON of an object.

    The model would learn calls that nobody can read. Quotes that were not escaped are the usual cause.
    """
    for index, message in enumerate(record.messages):
        for number, call in _function_calls(message):
            arguments = call["function"].get("arguments")
            if not isinstance(arguments, str):
                continue
            try:
                parsed = json.loads(arguments)
            except (ValueError, RecursionError):
                yield Problem(f"arguments of tool call {number} are not JSON: {quote(arguments)}", index)
            else:
                if not isinstance(parsed, dict):
                    yield Problem(f"arguments of tool call {number} are {kind_of(parsed)}, not an object", index)


@record_rule("T004", "tool_id_mismatch", Severity.ERROR)
def tool_id_mismatch(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool's result and a call do not find each other.

    Every `tool` message answers a call of the assistant's message before it, by `tool_call_id`, once; and before the
    conversation goes on, every call has its answer. (A record may end with calls.)
    """
    waiting: dict[str, int] = {}
    for index, message in enumerate(record.messages):
        if message.role == "tool":
            answered = message.tool_call_id
            if answered is not None and answered not in waiting:
                yield Problem(f"tool_call_id {quote(answered)} answers no call before it", index)
            if waiting:  # a call whose answer has a wrong id, or none, is not told as a second mistake
                waiting.pop(answered if answered in waiting else next(iter(waiting)))
            continue
        for open_call, asked in waiting.items():
            yield Problem(f"tool call {quote(open_call)} gets no answer", asked)
        waiting = {}
        for _, call in _function_calls(message):
            call_id = call.get("id")
            if isinstance(call_id, str) and call_id in waiting:
                yield Problem(f"the id {quote(call_id)} is used for two calls", index)
            elif isinstance(call_id, str):
                waiting[call_id] = index


@record_rule("T005", "tool_malformed", Severity.ERROR)
def tool_malformed(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An entry of `tools` does not describe a function.

    It is `{"type": "function", "function": {"name", "description", "parameters": a JSON schema of an object}}`; local
    chat templates also take the inner object alone.
    """
    if "tools" in record.extra:
        yield Problem(f"`tools` is {kind_of(record.extra['tools'])}, not a list")
    pattern = context.limits.name_pattern if context.limits is not None else None
    bare_allowed = context.limits is None or not context.limits.arguments_as_text
    for number, tool in enumerate(record.tools or ()):
        function = tool.get("function") if isinstance(tool, dict) else None
        if function is None and bare_allowed and isinstance(tool, dict):
            function = tool
        if not isinstance(function, dict):
            yield Problem(f"tool {number} has no `function`")
        elif not isinstance(function.get("name"), str) or not function["name"]:
            yield Problem(f"tool {number} has no name")
        elif pattern is not None and not re.fullmatch(pattern, function["name"]):
            yield Problem(f"tool name {quote(function['name'])} may only have a-z, A-Z, 0-9, _ and -, 64 at most")
        elif not isinstance(function.get("parameters", {}), dict):
            yield Problem(f"parameters of tool {quote(function['name'])} are {kind_of(function['parameters'])}")


@record_rule("T008", "tool_id_missing", Severity.ERROR, profiles={"openai", "azure", "compatible"})
def tool_id_missing(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A tool call or a tool's result has no id.

    The API joins them by `id` and `tool_call_id`. (Local chat templates do without.)
    """
    for index, message in enumerate(record.messages):
        if message.role == "tool" and not message.tool_call_id:
            yield Problem("a tool message has no `tool_call_id`", index)
        for number, call in _function_calls(message):
            if not (isinstance(call.get("id"), str) and call["id"]):
                yield Problem(f"tool call {number} has no `id`", index)


@record_rule("T006", "tool_not_declared", Severity.ERROR)
def tool_not_declared(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A call names a function that the record's `tools` do not declare.

    Checked where the record declares any: the model would learn to call what it was never given.
    """
    if not record.tools:
        return
    functions = (tool.get("function", tool) for tool in record.tools if isinstance(tool, dict))
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    for index, message in enumerate(record.messages):
        for _, call in _function_calls(message):
            name = call["function"]["name"]
            if name not in names:
                yield Problem(f"function {quote(name)} is not among the record's tools", index)


@record_rule("T007", "functions_deprecated", Severity.WARNING, fix=functions_to_tools)
def functions_deprecated(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A record uses `functions`, `function_call` or the role `function`, which tools have replaced.

    Providers still read them, newer models and most templates do not. The fix writes `tools`, `tool_calls` and the role
    `tool`, with ids made from the order of the calls.
    """
    functions = record.extra.get("functions")
    if functions:
        fixable = isinstance(functions, list) and all(isinstance(one, dict) for one in functions)
        yield Problem(
            "`functions` is deprecated; `tools` has replaced it", fixable=fixable and "tools" not in record.extra
        )
    called: list[str] = []
    for index, message in enumerate(record.messages):
        call = message.extra.get("function_call")
        if call:
            name = call.get("name") if isinstance(call, dict) else None
            calling = message.tool_calls or message.extra.get("tool_calls")
            fixable = isinstance(name, str) and bool(name) and not calling
            called += [name] if fixable and isinstance(name, str) else []
            yield Problem("`function_call` is deprecated; `tool_calls` has replaced it", index, fixable=fixable)
        elif message.role == "function":
            fixable = message.name in called
            if fixable:
                called.remove(str(message.name))
            yield Problem("the role 'function' is deprecated; 'tool' has replaced it", index, fixable=fixable)
