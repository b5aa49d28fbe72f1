"""O: the order of roles in a conversation."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import ChatRecord, Format
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule


@record_rule("O001", "missing_user", Severity.WARNING)
def missing_user(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A record has no user message.

    The model would learn to speak unasked. If the question stands in the system prompt, make it the user's message.
    """
    if record.messages and not any(message.role == "user" for message in record.messages):
        yield Problem("no message has the role 'user'")


@record_rule("O002", "system_not_first", Severity.WARNING)
def system_not_first(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A system message stands behind other messages.

    Most chat templates allow it at the beginning only; elsewhere they fail, or drop it without a word.
    """
    talked = False
    for index, message in enumerate(record.messages):
        if message.role in ("system", "developer"):
            if talked:
                yield Problem(f"a {message.role} message behind the beginning of the conversation", index)
        else:
            talked = True


@record_rule("O003", "same_role_twice", Severity.WARNING)
def same_role_twice(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """Two user or two assistant messages follow each other.

    Many chat templates refuse it, and at inference it does not happen. Join them, or find the lost turn between them.
    """
    for index in range(1, len(record.messages)):
        before, message = record.messages[index - 1], record.messages[index]
        if message.role == before.role and message.role in ("user", "assistant") and not before.calls:
            yield Problem(f"a second {message.role} message in a row", index)


@record_rule("O004", "ends_without_answer", Severity.WARNING, formats={Format.CHAT})
def ends_without_answer(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A conversation does not end with the assistant's message.

    What stands behind the last answer is paid for and teaches nothing; often the answer was lost.
    """
    answers = [index for index, message in enumerate(record.messages) if message.role == "assistant"]
    last = len(record.messages) - 1
    if answers and answers[-1] != last:
        yield Problem(f"the conversation ends with the role {record.messages[last].role!r}", last)


@record_rule("O006", "begins_with_answer", Severity.WARNING)
def begins_with_answer(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A conversation begins with the assistant's message.

    Many chat templates want the user's first. If the greeting is yours to say, give it weight 0; else leave it out.
    """
    for index, message in enumerate(record.messages):
        if message.role in ("system", "developer"):
            continue
        if message.trained and any(later.role == "user" for later in record.messages[index:]):
            yield Problem("the assistant speaks first, and that is trained", index)
        return


@record_rule("O005", "ends_with_answer", Severity.ERROR, formats={Format.REINFORCEMENT})
def ends_with_answer(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A reinforcement record does not end with the user's message.

    The model gives the answer itself, so the messages must stop where it is asked.
    """
    if record.messages and record.messages[-1].role != "user":
        last = len(record.messages) - 1
        yield Problem(f"the messages end with the role {record.messages[last].role!r}, not 'user'", last)
