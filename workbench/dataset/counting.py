"""A counter said in plain values, so that a worker process can make the same one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.dataset.tokens import Counter, FormulaCounter, TemplateCounter, template_counter


@dataclass(frozen=True, slots=True)
class Counting:
    """How tokens are counted."""

    name: str
    """The encoding, or what the tokenizer is called."""
    exact: bool
    cache: str = ""
    """The folder that keeps an encoding's vocabulary."""
    tokenizer: str = ""
    """The tokenizer's file, for open models; empty: the cookbook's formula over an encoding."""
    chat_template: str = ""
    bos_token: str | None = None
    eos_token: str | None = None

    def counter(self) -> Counter:
        """The counter, for a process that counts many texts."""
        if self.tokenizer:
            return template_counter(
                Path(self.tokenizer),
                name=self.name,
                chat_template=self.chat_template,
                bos_token=self.bos_token,
                eos_token=self.eos_token,
            )
        from workbench.dataset.fast_tokens import FastText

        return FormulaCounter(self.name, self.exact, FastText(self.name, Path(self.cache)).count, Path(self.cache))


def counting_of(counter: Counter | None) -> Counting | None:
    """What makes the same counter in another process; None where nothing does."""
    match counter:
        case FormulaCounter(cache=Path() as cache):
            return Counting(counter.name, counter.exact, cache=str(cache))
        case TemplateCounter(file=Path() as file):
            return Counting(
                counter.name,
                counter.exact,
                tokenizer=str(file),
                chat_template=counter.chat_template,
                bos_token=counter.bos_token,
                eos_token=counter.eos_token,
            )
    return None
