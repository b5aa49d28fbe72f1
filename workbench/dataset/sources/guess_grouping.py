"""Which columns of a table with one row a message are which: a proposal for [grouping]."""

from __future__ import annotations

from collections import Counter

from workbench.dataset.sources.cells import cell_text
from workbench.dataset.sources.guess import Guessed, Table
from workbench.dataset.sources.mapping import ColumnMapping, Grouping
from workbench.dataset.sources.order import order_of
from workbench.dataset.sources.text_template import placeholder

_IDS = ("conversation_id", "conversation", "chat_id", "chat", "ticket_id", "ticket", "ticket_number", "ticket_no",
        "thread_id", "thread", "session_id", "session", "case_id", "case", "case_number", "dialog_id", "dialogue_id",
        "conv_id", "issue_id", "discussion_id", "vorgang", "vorgangsnummer", "ticketnummer", "fall_id",
        "parent_id")  # fmt: skip
_AUTHORS = ("role", "author_role", "author_type", "sender_type", "from_type", "user_type", "participant_type", "author",
            "sender", "speaker", "from", "from_role", "direction", "participant", "user", "absender", "autor",
            "inbound")  # fmt: skip
_TEXTS = ("text", "body", "message", "content", "message_text", "message_body", "comment", "body_text", "utterance",
          "plain_body", "description", "nachricht", "inhalt")  # fmt: skip
_ORDERS = ("message_index", "turn", "turn_id", "turn_index", "sequence", "seq", "position", "step", "number", "order",
           "created_at", "created", "timestamp", "time", "datetime", "sent_at", "date", "sent", "creation_date",
           "message_id", "datum", "zeit", "zeitpunkt", "erstellt")  # fmt: skip

_ROLES = {
    "user": ("user", "customer", "client", "visitor", "guest", "human", "end_user", "end-user", "enduser", "requester",
             "consumer", "buyer", "member", "in", "inbound", "incoming", "true", "kunde", "kundin", "cliente", "caller",
             "contact", "subscriber", "patient", "student"),
    "assistant": ("assistant", "agent", "support", "operator", "staff", "admin", "rep", "representative", "bot", "gpt",
                  "advisor", "employee", "out", "outbound", "outgoing", "false", "team", "service", "mitarbeiter",
                  "agente", "teammate", "helpdesk", "model", "ai", "chatbot", "tutor"),
    "system": (),
    "skip": ("system", "note", "internal", "internal_note", "automation", "auto", "trigger", "event", "workflow"),
}  # fmt: skip
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words}

_MOST_AUTHORS = 40  # different values that a column of roles may have in the first rows


def guess_grouping(table: Table) -> Guessed | None:
    """A template that groups rows, if there are an id, an author whose words are known, and a text."""
    conversation, text = table.find(*_IDS), table.find(*_TEXTS)
    authors = [name for one in _AUTHORS if (name := table.find(one)) and name not in (conversation, text)]
    author = next((name for name in authors if _roles(table, name)), None)
    if conversation is None or text is None or author is None:
        return None
    order, how, why = _order(table, conversation)
    grouping = Grouping(
        conversation=conversation, author=author, text=placeholder(text), order=order, order_as=how, trailing="drop"
    )
    mapping = ColumnMapping(roles=_roles(table, author), grouping=grouping)
    sorting = f"ordered by {order!r} ({why})" if order else "in the order of the file"
    return Guessed(
        mapping, f"one row a message: {text!r} said by {author!r} in the conversation {conversation!r}, {sorting}"
    )


def _roles(table: Table, column: str) -> dict[str, str]:
    """Role by author, for the values of a column; nothing unless both sides of a talk are among them."""
    counts = Counter(cell_text(value).strip().casefold() for value in table.values(column))
    if not counts or len(counts) > _MOST_AUTHORS:
        return {}
    roles = {word: _ROLE_OF[word] for word, _ in counts.most_common() if word in _ROLE_OF}
    return roles if {"user", "assistant"} <= set(roles.values()) else {}


def _order(table: Table, conversation: str) -> tuple[str | None, str | None, str]:
    for one in _ORDERS:
        name = table.find(one)
        if name is None or name == conversation:
            continue
        # A few empty or odd cells are no reason not to order by the rest: they will be listed.
        told = order_of([value for value in table.values(name) if str(value).strip()][:200])
        if told is not None:
            return name, *told
    return None, None, ""
