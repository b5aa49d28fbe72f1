"""One token further, for a batch: with a cache that grows, or with a fixed one replayed as a CUDA graph.

A small model's step on a GPU is hundreds of kernels that each take less time than their launch from Python. A graph
launches all of them at once; it needs the same memory at every step, so its cache has its full length from the start.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

LENGTHS = 512
"""A fixed cache is a multiple of this long, so that batches of like length share one graph."""

PROMPT_TOKENS = 16_384
"""Of prompts that are read at once: attention without a fused kernel holds a number for each pair of them."""

WARM_UPS = 3
"""Steps before a capture: libraries allocate and choose their kernels in the first."""


class Decoder(Protocol):
    """What the generator needs: the last logits of a prompt batch, then of each further token."""

    def begin(self, ids: torch.Tensor, mask: torch.Tensor, length: int) -> torch.Tensor:
        """Read prompts [rows, width], padded on the left where `mask` is 0; logits [rows, vocabulary].

        `length` is the most positions that any row will have, prompt included.
        """
        ...

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """Append one token to each row, ids [rows, 1]; logits [rows, vocabulary]."""
        ...


class GrowingDecoder:
    """The model's own cache, one position longer at each step."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Any = None

    def begin(self, ids: torch.Tensor, mask: torch.Tensor, length: int) -> torch.Tensor:
        """See Decoder."""
        self._cache = None
        self._mask = mask
        self._positions = (mask.cumsum(-1) - 1).clamp(min=0)
        return self._forward(ids)

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """See Decoder."""
        import torch

        self._mask = torch.cat([self._mask, self._mask.new_ones((len(ids), 1))], dim=1)
        self._positions = self._positions[:, -1:] + 1
        return self._forward(ids)

    def _forward(self, ids: torch.Tensor) -> torch.Tensor:
        out = self._model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._cache = out.past_key_values
        logits: torch.Tensor = out.logits[:, -1]
        return logits


class FixedDecoder:
    """A cache of fixed length; on CUDA the step is captured once for a batch size and length, then replayed."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._shape: tuple[int, int] | None = None
        self._graph: Any = None
        self._cache: Any = None

    def begin(self, ids: torch.Tensor, mask: torch.Tensor, length: int) -> torch.Tensor:
        """See Decoder."""
        import torch

        rows, width = ids.shape
        size, total = fixed_shape(rows, length)
        ids, mask = (torch.cat([part, part[-1:].expand(size - rows, -1)]) for part in (ids, mask))
        self._rows = rows
        self._reset(size, total, ids.device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        each = max(1, PROMPT_TOKENS // width)
        logits = torch.cat([self._read(ids, mask, positions, slice(at, at + each)) for at in range(0, size, each)])
        self._rewind(width)
        self._open.zero_()
        self._open[:, 0, 0, :width] = mask.bool()
        self._position.copy_(positions[:, -1:])
        self._at = width
        return logits[:rows]

    def _read(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, some: slice) -> torch.Tensor:
        """Read the prompts of some rows, and copy what a growing cache has of them into the fixed one."""
        out = self._model(
            input_ids=ids[some],
            attention_mask=mask[some],
            position_ids=positions[some],
            use_cache=True,
            logits_to_keep=1,
        )
        width = ids.shape[1]
        for fixed, grown in zip(self._cache.layers, out.past_key_values.layers, strict=True):
            fixed.keys[some, :, :width] = grown.keys
            fixed.values[some, :, :width] = grown.values
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """See Decoder."""
        self._open[..., self._at] = True
        self._position += 1
        self._ids[: self._rows].copy_(ids)
        self._ids[self._rows :].copy_(ids[-1:])
        if self._graph is None and ids.is_cuda:
            shape, self._shape = self._shape, None
            self._graph = self._capture()
            self._shape = shape
        if self._graph is None:
            logits = self._forward(self._ids, self._open, self._position)
        else:
            self._graph.replay()
            logits = self._logits
        self._at += 1
        return logits[: self._rows]

    def _reset(self, size: int, length: int, device: torch.device) -> None:
        """An empty cache; a new one, and with it a new graph, only where the shape is another."""
        import torch
        from transformers import StaticCache

        if self._shape == (size, length):
            return
        self._graph = self._logits = self._cache = self._shape = None  # freed before the next is allocated
        self._cache = StaticCache(config=self._model.config, max_cache_len=length)
        self._open = torch.zeros((size, 1, 1, length), dtype=torch.bool, device=device)
        self._position = torch.zeros((size, 1), dtype=torch.long, device=device)
        self._ids = torch.zeros((size, 1), dtype=torch.long, device=device)
        with torch.inference_mode():  # a first step, for nothing: the cache allocates itself in it
            self._forward(self._ids, self._open, self._position)
        self._shape = (size, length)  # only now: a GPU that was too full leaves nothing that the next batch would use

    def _rewind(self, filled: int) -> None:
        for layer in self._cache.layers:
            layer.cumulative_length.fill_(filled)

    def _capture(self) -> Any:
        """The step as a graph, which leaves its logits in `_logits`."""
        import torch

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._forward(self._ids, self._open, self._position)
                self._rewind(self._at)  # in place: the capture must write where this step will
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._logits = self._forward(self._ids, self._open, self._position)
        return graph

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        out = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits


def fixed_shape(rows: int, length: int) -> tuple[int, int]:
    """Rows and positions that a fixed cache has for so many of such a length: few shapes, each one graph."""
    return 1 << (rows - 1).bit_length(), -(-length // LENGTHS) * LENGTHS


def fits_fixed(model: Any) -> bool:
    """Whether every layer of the model keeps all positions, as a fixed cache has them."""
    from transformers.cache_utils import StaticCache, StaticLayer

    try:
        layers = StaticCache(config=model.config, max_cache_len=8).layers
    except (KeyError, NotImplementedError, ValueError) as error:
        print(f"no fixed cache for this model: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the host's log
        return False
    return all(type(layer) is StaticLayer for layer in layers)
