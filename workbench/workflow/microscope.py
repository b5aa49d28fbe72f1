"""A record as a model reads it: template applied, cut into tokens, what is trained and what is cut off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.catalog.encodings import encoding_for
from workbench.catalog.limits import example_tokens
from workbench.dataset.chat_templates import BUILT_IN, MARKS
from workbench.dataset.formats import PAIRS, Format, RecordError, parse_pair, to_chat, tools_of
from workbench.dataset.template import Rendered, render, trained_tokens
from workbench.errors import WorkbenchError
from workbench.terminal.escape import visible

if TYPE_CHECKING:
    from workbench.workflow.context import Context

OWN: Final = "own"
"""The model's own template."""
TEMPLATES: Final = (OWN, *BUILT_IN)
TRAINING_LENGTH: Final = 1024
"""Tokens of a record that the local engine keeps where a job's settings say nothing; TRL's default."""
COOKBOOK_LENGTH: Final = 16_385
"""The cookbook's limit where no model is named."""

Cut = tuple[int, int, bool]
"""Where a token begins and ends in the text, and whether it is a special one."""


@dataclass(frozen=True, slots=True)
class Lens:
    """What a record is looked at through: a tokenizer, a template, a limit."""

    model: str
    """As it is called on screen."""
    template: str
    chat_template: str
    cuts: Callable[[str], list[Cut]]
    limit: int
    """Tokens after which a record is cut."""
    exact: bool
    """Whether the model is known to read it so."""
    bos_token: str | None = None
    eos_token: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """One token, with the text that it stands for; of a character in several tokens the first has it."""

    text: str
    trained: bool
    special: bool


@dataclass(frozen=True, slots=True)
class Magnified:
    """A record through a lens."""

    lens: Lens
    tokens: tuple[Token, ...]

    @property
    def cut_at(self) -> int | None:
        """The first token that is cut off; None where all are kept."""
        return self.lens.limit if len(self.tokens) > self.lens.limit else None

    @property
    def trained(self) -> int:
        """Tokens that are trained, after the cut."""
        return sum(token.trained for token in self.tokens[: self.lens.limit])

    @property
    def summary(self) -> str:
        """One line of figures."""
        about = "" if self.lens.exact else "about "
        text = f"{about}{len(self.tokens):,} tokens, {self.trained:,} trained"
        if self.cut_at is not None:
            lost = sum(token.trained for token in self.tokens[self.cut_at :])
            text += f"; cut at {self.lens.limit:,}" + (f", {lost:,} trained ones lost" if lost else "")
        elif not self.trained:
            text += ": nothing would be learnt"
        return text


async def lens_of(context: Context, model: str | None, template: str | None = None, limit: int | None = None) -> Lens:
    """The lens of a model: `None` for the cookbook's encoding, `PROFILE/MODEL` or a bare name.

    OpenAI's models have an encoding and no published template: chatml stands for it, as an estimate. Any other name is
    asked of the local engine, which is started. Raises WorkbenchError where there is no such model or template.
    """
    if template is not None and template not in TEMPLATES:
        raise WorkbenchError(
            f"template {template!r}", "does not exist", f"use one of {', '.join(TEMPLATES)}", code="usage", exit_code=2
        )
    profile, name = _named(context, model)
    hosted = profile is not None and context.profile(profile).kind != "local"
    if name is None or hosted or (profile is None and encoding_for(name).exact):
        return _hosted(context, name, template, limit)
    return _local(await context.engine.call("GET", "tokenizer", params={"model": name}), name, template, limit)


def _named(context: Context, model: str | None) -> tuple[str | None, str | None]:
    """Profile and model of a name; a first part that is no profile belongs to the model (`org/name`, a folder)."""
    if not model:
        return None, None
    first, slash, rest = model.partition("/")
    return (first, rest) if slash and rest and first in context.profiles() else (None, model)


def _hosted(context: Context, name: str | None, template: str | None, limit: int | None) -> Lens:
    from workbench.dataset.tokens import COOKBOOK_ENCODING, load_encoding

    if template == OWN:
        raise WorkbenchError(
            f"the template of {name or 'no model'}", "is not published", "chatml is the nearest; choose it"
        )
    choice = None if name is None else encoding_for(name)
    encoding_name = COOKBOOK_ENCODING if choice is None else choice.name
    encoding = load_encoding(encoding_name, context.cache)
    kind = template or "chatml"
    known = COOKBOOK_LENGTH if name is None else example_tokens(name)
    note = "an estimate: no model is named" if name is None else "an estimate: the provider publishes no template"
    return Lens(
        f"{name} ({encoding_name})" if name else encoding_name,
        kind, BUILT_IN[kind], _tiktoken_cuts(encoding, MARKS[kind]), limit or known or COOKBOOK_LENGTH,
        exact=False, eos_token="</s>", note=note,  # noqa: S106 - no secret
    )  # fmt: skip


def _local(told: Mapping[str, Any], name: str, template: str | None, limit: int | None) -> Lens:
    """The lens of a model whose tokenizer the engine has told."""
    own = str(told.get("chat_template") or "")
    kind = template or OWN
    if kind == OWN and not own:
        raise WorkbenchError(f"model {name}", "has no chat template", "choose chatml, zephyr or none")
    kept = min(limit or TRAINING_LENGTH, int(told["max_length"])) if limit is None else limit
    note = "" if kind == OWN else f"the model's own template is another: a job renders with that, not with {kind}"
    return Lens(
        name, kind, own if kind == OWN else BUILT_IN[kind], _own_cuts(Path(told["path"])), kept,
        exact=True, bos_token=told.get("bos_token"), eos_token=told.get("eos_token"), note=note,
    )  # fmt: skip


def magnify(value: Any, fmt: Format, lens: Lens, *, other_side: bool = False) -> Magnified:
    """A record through a lens; of a pair the preferred answer, or the other one.

    Raises WorkbenchError where the record has not the format's shape or the template does not take it.
    """
    try:
        messages = _messages(value, fmt, other_side)
    except RecordError as error:
        raise WorkbenchError("the record", str(error), "`ftwb dataset check` says what its format needs") from error
    rendered = render(
        messages,
        chat_template=lens.chat_template,
        bos_token=lens.bos_token,
        eos_token=lens.eos_token,
        tools=tools_of(value),
    )
    return Magnified(lens, tuple(_tokens(rendered, lens.cuts(rendered.text))))


def _messages(value: Any, fmt: Format, other_side: bool) -> list[dict[str, Any]]:
    if fmt not in PAIRS:
        return to_chat(value, fmt)
    pair = parse_pair(value, fmt)
    return pair.prompt + (pair.other if other_side else pair.preferred)


def _tokens(rendered: Rendered, cuts: Sequence[Cut]) -> Iterator[Token]:
    """The tokens with their texts: every character belongs to one, blanks that a tokenizer trims to the next."""
    text = rendered.text
    flags = trained_tokens([(start, end) for start, end, _ in cuts], rendered.trained_spans)
    reached = 0
    for number, ((_, end, special), trained) in enumerate(zip(cuts, flags, strict=True)):
        stop = len(text) if number == len(cuts) - 1 else max(end, reached)
        yield Token(text[reached:stop], trained, special)
        reached = stop


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:
    """A model's `tokenizers.Tokenizer`; transformers is only needed for one that brings SentencePiece's file alone."""
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise WorkbenchError(
            "this model's tokenizer", "needs the `local` extra", "pip install 'ftwb[local]'"
        ) from error

    try:
        if (folder / "tokenizer.json").exists():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True).backend_tokenizer
    except Exception as error:  # the library raises plain Exceptions for a file that it cannot read
        raise WorkbenchError(
            str(folder), f"has no tokenizer that can be read ({error})", "pull the model again"
        ) from error


def _own_cuts(folder: Path) -> Callable[[str], list[Cut]]:
    tokenizer = _tokenizer(folder)
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}

    def cuts(text: str) -> list[Cut]:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        encoding = tokenizer.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [(start, end, number in special) for number, (start, end) in pairs]

    return cuts


def _tiktoken_cuts(encoding: Any, marks: Sequence[str]) -> Callable[[str], list[Cut]]:
    """Tokens of an OpenAI encoding; a template's marks are one special token each, as in the provider's own."""
    pattern = re.compile("|".join(re.escape(mark) for mark in marks) or r"(?!)")

    def plain(text: str, offset: int) -> Iterator[Cut]:
        ids = encoding.encode_ordinary(text)
        if not ids:
            return
        _, starts = encoding.decode_with_offsets(ids)
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            yield offset + start, offset + end, False

    def cuts(text: str) -> list[Cut]:
        found: list[Cut] = []
        position = 0
        for mark in pattern.finditer(text):
            found += plain(text[position : mark.start()], position)
            found.append((mark.start(), mark.end(), True))
            position = mark.end()
        return [*found, *plain(text[position:], position)]

    return cuts


# As lines -----------------------------------------------------------------------------------------------------------

BAR: Final = "│"
"""Between tokens, where boundaries are asked for."""
MOST_SHOWN: Final = 20_000
"""Tokens that are laid out."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A line of the rendering, as long as it is: all of it is trained, or none."""

    kind: str
    """`trained`, `masked`, `lost` (beyond the cut), or `note` for a line about the others."""
    pieces: tuple[tuple[str, str], ...]
    """Text fit for a terminal, and what it is: `special`, `bar`, or empty."""


GUTTERS: Final[Mapping[str, str]] = {"trained": "▌ ", "masked": "  ", "lost": "░ ", "note": "  "}
"""What stands before a line: not by colour alone."""


def strips(magnified: Magnified, *, boundaries: bool = False) -> Iterator[Strip]:
    """The rendering line by line; a line ends with a line end of the text, and where training begins or ends."""
    line: list[tuple[str, str]] = []
    kind = "masked"
    for number, token in enumerate(magnified.tokens[:MOST_SHOWN]):
        if number == magnified.cut_at:
            yield from _ended(kind, line)
            line = []
            kept = f" cut here: {number:,} of {len(magnified.tokens):,} tokens are kept "
            yield Strip("note", ((f"────{kept}────", ""),))
        now = "lost" if _beyond(number, magnified.cut_at) else "trained" if token.trained else "masked"
        if now != kind:
            yield from _ended(kind, line)
            line, kind = [], now
        first, *others = (f"⟨{token.text}⟩" if token.special else token.text).split("\n")
        if boundaries and any(text for text, _ in line):
            line.append((BAR, "bar"))
        if boundaries and not token.text:
            line.append(("‧", ""))  # the rest of a character that the token before it began
        for rest in others:
            line += [_shown(first, token, boundaries), ("⏎", "special")]
            yield from _ended(kind, line)
            line, first = [], rest
        line.append(_shown(first, token, boundaries))
    yield from _ended(kind, line)
    if len(magnified.tokens) > MOST_SHOWN:
        yield Strip("note", ((f"{len(magnified.tokens) - MOST_SHOWN:,} more tokens are not shown", ""),))


def _beyond(number: int, cut_at: int | None) -> bool:
    return cut_at is not None and number >= cut_at


def _shown(text: str, token: Token, boundaries: bool) -> tuple[str, str]:
    shown = visible(text).replace("\t", "⇥")
    if boundaries:
        # A blank at the edge of a token would be lost beside the bar.
        shown = shown.replace(" ", "·")
    return shown, "special" if token.special else ""


def _ended(kind: str, line: list[tuple[str, str]]) -> Iterator[Strip]:
    if any(text for text, _ in line):
        yield Strip(kind, tuple(piece for piece in line if piece[0]))
