"""What an analysis is asked: the same in every process, and part of its name in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import workbench
from workbench.catalog.limits import example_tokens, limits_for
from workbench.dataset.counting import Counting
from workbench.dataset.formats import Format
from workbench.dataset.rules.registry import Context, Rule, selected


@dataclass(frozen=True, slots=True)
class Spec:
    """What to look for in a file."""

    format: Format
    profile: str | None = None
    """A kind of provider (`catalog.limits.KINDS`); None: only the rules that hold everywhere."""
    model: str | None = None
    """Whose limit of tokens a record must keep."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    """As in `rules.selected`."""
    counting: Counting | None = None
    """What counts tokens; None: they stay unknown, and the rules about length do not apply."""
    tokens: bool = True
    """Whether every row is counted, not just those that may be too long."""
    scan: bool = False
    """Whether rows with secrets or personal data are flagged, also where no rule about them is selected."""

    def rules(self) -> tuple[Rule, ...]:
        """The rules that are asked for and that apply; raises WorkbenchError (usage) for unknown ones."""
        context = replace(self.context(), counter=None)
        return tuple(rule for rule in selected(self.select, self.ignore) if rule.applies(context))

    def context(self) -> Context:
        """What the rules are checked against, without a counter; raises WorkbenchError (usage) for an unknown kind."""
        return Context(
            self.format,
            None if self.profile is None else limits_for(self.profile),
            None if self.model is None else example_tokens(self.model),
        )

    def key(self) -> str:
        """A name that changes with the question and with the code that answers it."""
        asked = repr(sorted(asdict(self).items()))
        return hashlib.blake2b(f"{asked}\n{_code()}".encode(), digest_size=16).hexdigest()


@cache
def _code() -> str:
    """A hash of the code of this room and of the catalogue: a result of other rules is no result."""
    package = Path(workbench.__file__).parent
    sources: Sequence[Path] = sorted((package / "dataset").rglob("*.*")) + sorted((package / "catalog").rglob("*.*"))
    digest = hashlib.blake2b(workbench.__version__.encode(), digest_size=16)
    for source in sources:
        if source.suffix in (".py", ".toml"):
            digest.update(source.read_bytes())
    return digest.hexdigest()
