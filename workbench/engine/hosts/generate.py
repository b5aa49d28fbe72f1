"""Token by token generation for a batch of conversations with a transformers model.

Each row has its own temperature, seed, length and stop texts; rows of one batch share only the matrix products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer


@dataclass
class Row:
    """One request: what it wants, and what it got so far."""

    prompt_ids: list[int]
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop: tuple[str, ...]
    deliver: Callable[[str, str | None], None]
    """Called with each new piece of text, and with the finish reason (stop or length) at the end."""
    output_ids: list[int] = field(default_factory=list)
    sent: int = 0
    """Characters delivered so far."""
    done: bool = False
    cancelled: bool = False
    """Set from outside when nobody listens any more."""

    def cancel(self) -> None:
        """Nobody listens any more: the row ends with its next token."""
        self.cancelled = True


class Generator:
    """A model and its tokenizer; `generate` answers a batch of rows."""

    def __init__(self, model: Any, tokenizer: Tokenizer, end_ids: frozenset[int], pad_id: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._end_ids = end_ids
        self._pad_id = pad_id

    def generate(self, rows: list[Row]) -> None:
        """Answer all rows; each gets its text as it comes."""
        import torch

        width = max(len(row.prompt_ids) for row in rows)
        device = self._model.device
        ids = torch.full((len(rows), width), self._pad_id, device=device)
        mask = torch.zeros((len(rows), width), dtype=torch.long, device=device)
        for index, row in enumerate(rows):  # padded on the left, so that all rows end at the same place
            ids[index, width - len(row.prompt_ids) :] = torch.tensor(row.prompt_ids, device=device)
            mask[index, width - len(row.prompt_ids) :] = 1
        randoms = [_random(row) for row in rows]
        cache: Any = None
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            while not all(row.done for row in rows):
                out = self._model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                cache = out.past_key_values
                chosen = [
                    self._pad_id if row.done else self._step(row, out.logits[index, -1].float(), random)
                    for index, (row, random) in enumerate(zip(rows, randoms, strict=True))
                ]
                ids = torch.tensor(chosen, device=device)[:, None]
                mask = torch.cat([mask, torch.ones((len(rows), 1), dtype=torch.long, device=device)], dim=1)
                positions = positions[:, -1:] + 1

    def _step(self, row: Row, logits: torch.Tensor, random: torch.Generator) -> int:
        """Choose the row's next token, deliver what became readable, and return the token."""
        token = _choose(logits, row, random)
        if row.cancelled:
            row.done = True
        elif token in self._end_ids:
            self._finish(row, "stop")
        else:
            row.output_ids.append(token)
            self._deliver(row)
            if not row.done and len(row.output_ids) >= row.max_tokens:
                self._finish(row, "length")
        return token

    def _text(self, row: Row) -> str:
        return self._tokenizer.decode(row.output_ids, skip_special_tokens=True)

    def _deliver(self, row: Row) -> None:
        """Send what is certain: no unfinished character, nothing that could be the beginning of a stop text."""
        text = self._text(row)
        found = [position for stop in row.stop if (position := text.find(stop)) >= 0]
        if found:
            row.done = True
            row.deliver(text[row.sent : min(found)], "stop")
            return
        certain = len(text.rstrip("\ufffd"))
        certain = min([certain, *(_before_partial(text, stop) for stop in row.stop)])
        if certain > row.sent:
            row.deliver(text[row.sent : certain], None)
            row.sent = certain

    def _finish(self, row: Row, reason: str) -> None:
        row.done = True
        row.deliver(self._text(row)[row.sent :], reason)


def _before_partial(text: str, stop: str) -> int:
    """How much of `text` cannot be the beginning of `stop`."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return len(text) - length
    return len(text)


def _random(row: Row) -> torch.Generator:
    import torch

    random = torch.Generator()
    if row.seed is None:
        random.seed()
    else:
        random.manual_seed(row.seed)
    return random


def _choose(logits: torch.Tensor, row: Row, random: torch.Generator) -> int:
    """The most probable token at temperature 0, else a draw from the most probable `top_p` of the mass."""
    import torch

    if row.temperature <= 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits.cpu() / row.temperature, dim=-1)
    ordered, order = probabilities.sort(descending=True)
    ordered[(ordered.cumsum(-1) - ordered) >= row.top_p] = 0.0
    return int(order[torch.multinomial(ordered, 1, generator=random)])
