"""S: system prompts over the file."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import CHAT_LIKE
from workbench.dataset.rules.facts import Facts
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule


@file_rule("S001", "inconsistent_system_prompt", Severity.WARNING, formats=CHAT_LIKE)
def inconsistent_system_prompt(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record's system prompt is not that of most others.

    A tuned model answers best to the prompt it was trained with, so the wording should be one, and the same at
    inference. Where no prompt has a majority the difference is taken as meant, and said once.
    """
    prompts = sorted(facts.systems.values(), key=lambda prompt: -len(prompt.lines))
    if len(prompts) < 2:
        return
    total = sum(len(prompt.lines) for prompt in prompts)
    most = prompts[0]
    if len(most.lines) * 2 <= total:
        yield Problem(f"{len(prompts)} different system prompts in {total} records, none of them in most")
        return
    others = sorted((line, prompt.text) for prompt in prompts[1:] for line in prompt.lines)
    for line, text in others:
        yield Problem(f"system prompt {quote(text)}; {len(most.lines)} of {total} have {quote(most.text)}", line=line)


@file_rule("S002", "missing_system", Severity.WARNING, formats=CHAT_LIKE)
def missing_system(facts: Facts, context: Context) -> Iterator[Problem]:
    """A record has no system prompt where most others have one.

    At inference the prompt will be there, so the record teaches another situation. Add the same prompt.
    """
    having = sum(len(prompt.lines) for prompt in facts.systems.values())
    if having <= len(facts.without_system):
        return
    for line in facts.without_system:
        yield Problem(f"no system prompt; {having} other records have one", line=line)
