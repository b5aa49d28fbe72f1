"""A: the answers that are learnt."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import ChatRecord
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule


@record_rule("A001", "empty_answer", Severity.ERROR)
def empty_answer(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An answer is white space alone.

    The model would learn to say nothing. (An answer without any text at all is `missing_content`.)
    """
    for index, message in enumerate(record.messages):
        text = message.text()
        if message.role == "assistant" and text and not text.strip() and not message.calls:
            yield Problem("the answer is white space alone", index)


@record_rule("A002", "answer_white_space", Severity.WARNING)
def answer_white_space(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An answer begins or ends with white space.

    The model learns it. There is no automatic fix: in code, an indent or a last newline may be meant.
    """
    for index, message in enumerate(record.messages):
        text = message.content
        if message.trained and isinstance(text, str) and text.strip() and text != text.strip():
            where = "begins" if text != text.lstrip() else "ends"
            yield Problem(f"the answer {where} with white space", index)


@record_rule("A003", "image_in_answer", Severity.ERROR, profiles={"openai", "azure"})
def image_in_answer(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """An assistant message has an image; images may only be in what the model is shown.

    The model answers in text; the provider refuses the file. Move the image to the user's message, or drop it.
    """
    for index, message in enumerate(record.messages):
        parts = message.content if isinstance(message.content, list) else ()
        if message.role == "assistant" and any(
            isinstance(part, dict) and part.get("type") == "image_url" for part in parts
        ):
            yield Problem("an assistant message has an image", index)


@record_rule("A004", "too_many_images", Severity.ERROR, profiles={"openai", "azure"})
def too_many_images(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A record has more images than the provider takes for one example.

    The upload fails. Split the conversation, or leave out images that the answer does not need.
    """
    most = context.limits.images_per_example if context.limits is not None else None
    lists = (message.content for message in record.messages if isinstance(message.content, list))
    parts = (part for content in lists for part in content)
    count = sum(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)
    if most is not None and count > most:
        yield Problem(f"{count} images; the provider takes {most} an example")
