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

    from workbench.engine.hosts.decode import Decoder


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
    text: str = ""
    """What the output reads so far; without characters whose bytes are not all there."""
    sent: int = 0
    """Characters delivered so far."""
    done: bool = False
    cancelled: bool = False
    """Set from outside when nobody listens any more."""

    def cancel(self) -> None:
        """Nobody listens any more: the row ends with its next token."""
        self.cancelled = True


class Generator:
    """A model's decoder and its tokenizer; `generate` answers a batch of rows on `device`."""

    def __init__(
        self, decoder: Decoder, tokenizer: Tokenizer, end_ids: frozenset[int], pad_id: int, device: Any = "cpu"
    ) -> None:
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._end_ids = end_ids
        self._pad_id = pad_id
        self._device = device

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU."""
        import torch

        return bool(torch.device(self._device).type == "cuda")

    def generate(self, rows: list[Row]) -> None:
        """Answer all rows; each gets its text as it comes."""
        import torch
        from tokenizers.decoders import DecodeStream

        ids, mask = self._padded(rows)
        randoms = [_random(row, self._device) for row in rows]
        readers = [DecodeStream(skip_special_tokens=True) for _ in rows]
        length = ids.shape[1] + max(row.max_tokens for row in rows)
        with torch.inference_mode():
            logits = self._decoder.begin(ids, mask, length)
            while True:
                for row, token, reader in zip(rows, _choose(logits, rows, randoms), readers, strict=True):
                    if not row.done:
                        self._take(row, token, reader)
                if all(row.done for row in rows):
                    return
                last = [self._pad_id if row.done else row.output_ids[-1] for row in rows]
                logits = self._decoder.step(torch.tensor(last, device=self._device)[:, None])

    def _padded(self, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """The prompts as ids and mask [rows, width], padded on the left, so that all end at the same place."""
        import torch

        width = max(len(row.prompt_ids) for row in rows)
        ids = torch.full((len(rows), width), self._pad_id)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, width - len(row.prompt_ids) :] = torch.tensor(row.prompt_ids)
            mask[index, width - len(row.prompt_ids) :] = 1
        return ids.to(self._device), mask.to(self._device)

    def _take(self, row: Row, token: int, reader: Any) -> None:
        """Give the row its next token, and deliver what became readable."""
        if row.cancelled:
            row.done = True
        elif token in self._end_ids:
            self._finish(row, "stop")
        else:
            row.output_ids.append(token)
            piece = reader.step(self._tokenizer, token)
            if piece:
                self._deliver(row, piece)
            if not row.done and len(row.output_ids) >= row.max_tokens:
                self._finish(row, "length")

    def _deliver(self, row: Row, piece: str) -> None:
        """Send what is certain: nothing that could be the beginning of a stop text."""
        before = len(row.text)
        row.text += piece
        found = [at for stop in row.stop if (at := row.text.find(stop, max(0, before - len(stop) + 1))) >= 0]
        if found:
            row.done = True
            row.deliver(row.text[row.sent : min(found)], "stop")
            return
        certain = min([len(row.text), *(_before_partial(row.text, stop) for stop in row.stop)])
        if certain > row.sent:
            row.deliver(row.text[row.sent : certain], None)
            row.sent = certain

    def _finish(self, row: Row, reason: str) -> None:
        """The rest: what a stop text might have begun with, and a last character that was never completed."""
        row.done = True
        whole = self._tokenizer.decode(row.output_ids, skip_special_tokens=True)
        row.deliver(whole[row.sent :], reason)


def _before_partial(text: str, stop: str) -> int:
    """How much of `text` cannot be the beginning of `stop`."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return len(text) - length
    return len(text)


def _random(row: Row, device: Any) -> torch.Generator:
    import torch

    random = torch.Generator(device=device)
    if row.seed is None:
        random.seed()
    else:
        random.manual_seed(row.seed)
    return random


def _choose(logits: torch.Tensor, rows: list[Row], randoms: list[torch.Generator]) -> list[int]:
    """Of each row the most probable token at temperature 0, else a draw; brought to the processor at once."""
    chosen = logits.argmax(dim=-1)
    for index, (row, random) in enumerate(zip(rows, randoms, strict=True)):
        if row.temperature > 0 and not row.done:
            chosen[index] = _draw(logits[index].float() / row.temperature, row.top_p, random)
    return [int(token) for token in chosen.tolist()]


def _draw(logits: torch.Tensor, top_p: float, random: torch.Generator) -> torch.Tensor:
    """A token drawn from the most probable `top_p` of the mass."""
    import torch

    ordered, order = torch.softmax(logits, dim=-1).sort(descending=True)
    ordered[(ordered.cumsum(-1) - ordered) >= top_p] = 0.0
    return order[torch.multinomial(ordered, 1, generator=random)][0]
