"""Hugging Face datasets: a folder that `save_to_disk` wrote, or a dataset of the hub by its name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from workbench.dataset.sources.source import SAMPLE, Progress, Sniffed, Source, SourceOptions, SourceRow, columns_of
from workbench.dataset.sources.tables import rows_of
from workbench.errors import WorkbenchError

HUB = "hf:"
"""How the name of a dataset of the hub begins: `hf:org/name`, `hf:org/name:config`, `hf:org/name:config:split`."""

_MARKS = ("dataset_dict.json", "state.json")
_BATCH = 1000
_PATIENCE_S = 5.0
"""How long the hub may take to accept a connection."""


def is_saved_dataset(folder: Path) -> bool:
    """Whether a folder is what `save_to_disk` writes."""
    return any((folder / mark).is_file() for mark in _MARKS)


def open_saved(spec: str, folder: Path, options: SourceOptions) -> Source:
    """A dataset that was saved to a folder; its tables are mapped into memory, not read into it."""
    import datasets

    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # any: the library raises what its many parts raise
        raise WorkbenchError(
            str(folder), f"cannot be read as a saved dataset ({_first_line(error)})", "save or copy it again",
            code="damaged",
        ) from error  # fmt: skip
    chosen, split = _split_of(spec, loaded, options.split)
    why = f"the folder holds {_marks_of(folder)}"

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        return rows_of(chosen.with_format("arrow").iter(_BATCH), len(chosen), progress)

    return _source(spec, chosen, read, (Sniffed("dataset", "saved by datasets", why), *split), len(chosen))


def open_hub(spec: str, options: SourceOptions) -> Source:
    """A dataset of the hub, streamed; without a network one that was fetched before.

    Raises a WorkbenchError of one sentence where it cannot be reached, is not there, or needs a config or a split.
    """
    import datasets

    name, config, split = _parts(spec)
    if Path(name).is_dir() and is_saved_dataset(Path(name)):
        return open_saved(spec, Path(name), options.model_copy(update={"split": split or options.split}))
    loaded, how = _load(datasets, spec, name, config)
    chosen, sniffed = _split_of(spec, loaded, split or options.split)
    count = _count(chosen)

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        try:
            yield from rows_of(chosen.with_format("arrow").iter(_BATCH), count, progress)
        except Exception as error:  # any: network, authentication and parsing errors of several libraries
            raise _unreachable(spec, error) from error

    return _source(spec, chosen, read, (Sniffed("dataset", name, how), *sniffed), count)


def _parts(spec: str) -> tuple[str, str | None, str | None]:
    """Name, config and split of `hf:org/name[:config[:split]]`."""
    name, _, rest = spec.removeprefix(HUB).partition(":")
    config, _, split = rest.partition(":")
    if not name or ":" in split:
        raise WorkbenchError(
            spec, "is not hf:ORG/NAME[:CONFIG[:SPLIT]]", "for example hf:org/name::train", code="usage", exit_code=2
        )
    return name, config or None, split or None


def _load(datasets: Any, spec: str, name: str, config: str | None) -> tuple[Any, str]:
    """All splits of a dataset: streamed if the hub answers, else from the local cache."""
    offline = _is_offline()
    if Path(name).is_dir() or (not offline and _answers()):
        try:
            return datasets.load_dataset(name, config, streaming=True), "streamed"
        except Exception as error:  # any: see above
            if not _is_network(error):
                raise _unreachable(spec, error) from error
    try:
        with _without_network(datasets):
            return datasets.load_dataset(name, config), "fetched before, since the hub cannot be reached"
    except Exception as error:  # any: see above; what matters is that the hub was not reached
        raise _offline(spec, offline) from error


def _answers() -> bool:
    """Whether the hub can be reached at all: the library tries for most of a minute before it says so."""
    from huggingface_hub import constants

    if getproxies():
        return True  # a proxy knows; we do not
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=_PATIENCE_S):
            return True
    except OSError:
        return False


@contextmanager
def _without_network(datasets: Any) -> Iterator[None]:
    """The libraries read HF_HUB_OFFLINE once, when they are imported; this is the same for a while."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _is_offline() -> bool:
    """Whether the person has switched the hub off."""
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    return any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in names)


def _is_network(error: BaseException | None) -> bool:
    """Whether an error says that the hub could not be reached, as against what it answered."""
    while error is not None:
        words = type(error).__name__
        if isinstance(error, (ConnectionError, TimeoutError)) or "Offline" in words or "Connect" in words:
            return True
        if "Timeout" in words or "Couldn't reach" in str(error) or "LocalEntryNotFound" in words:
            return True
        error = error.__cause__ or error.__context__
    return False


def _offline(spec: str, switched_off: bool) -> WorkbenchError:
    why = "HF_HUB_OFFLINE is set" if switched_off else "the hub does not answer"
    return WorkbenchError(
        spec,
        f"cannot be fetched, {why}, and it is not in the local cache",
        "connect, or give a file or a folder that save_to_disk wrote",
        code="offline",
    )


def _unreachable(spec: str, error: Exception) -> WorkbenchError:
    """The sentence for what the library says about a dataset."""
    words = type(error).__name__
    if _is_network(error) and "NotFound" not in words.removeprefix("LocalEntry"):
        return _offline(spec, _is_offline())
    if "Gated" in words:
        return WorkbenchError(spec, "is gated", "ask for access on its page, then set HF_TOKEN", code="gated")
    if "NotFound" in words:
        return WorkbenchError(
            spec, "does not exist on the hub, or is private", "check its name, or set HF_TOKEN", code="not_found"
        )
    return WorkbenchError(
        spec, f"cannot be loaded ({_first_line(error)})", "check its name, config and split", code="not_readable"
    )


def _split_of(spec: str, loaded: Any, wanted: str | None) -> tuple[Any, tuple[Sniffed, ...]]:
    """One split of what was loaded, with the reason for it."""
    if not isinstance(loaded, Mapping):
        if wanted is not None:
            raise WorkbenchError(
                spec,
                f"is one dataset without splits, so there is no {wanted!r}",
                "leave the split out",
                code="no_split",
            )
        return loaded, ()
    names = [str(name) for name in loaded]
    listed = ", ".join(names)
    if wanted is not None:
        if wanted not in names:
            raise WorkbenchError(spec, f"has no split {wanted!r}", f"there are: {listed}", code="no_split")
        return loaded[wanted], (Sniffed("split", wanted, f"as asked, of {listed}"),)
    if len(names) == 1 or "train" in names:
        chosen = names[0] if len(names) == 1 else "train"
        why = "there is no other" if len(names) == 1 else f"of {listed}; name another as hf:ORG/NAME:CONFIG:SPLIT"
        return loaded[chosen], (Sniffed("split", chosen, why),)
    raise WorkbenchError(
        spec, f"has several splits ({listed})", 'name one: hf:ORG/NAME:CONFIG:SPLIT, or [source] split = "…"',
        code="no_split",
    )  # fmt: skip


def _marks_of(folder: Path) -> str:
    return " and ".join(mark for mark in _MARKS if (folder / mark).is_file())


def _count(chosen: Any) -> int | None:
    """How many rows a split has, as its own page says."""
    if hasattr(chosen, "__len__"):
        return len(chosen)
    splits = getattr(chosen.info, "splits", None) or {}
    known = splits.get(str(chosen.split)) if isinstance(splits, Mapping) else None
    return known.num_examples or None if known is not None else None


def _source(spec: str, chosen: Any, read: Any, described: tuple[Sniffed, ...], count: int | None) -> Source:
    sample = tuple(islice(read(None), SAMPLE))
    if not sample:
        raise WorkbenchError(spec, "holds no rows", "give a dataset with rows", code="empty_file")
    features = chosen.features  # None where a streamed dataset does not declare them
    types = {} if features is None else {field.name: str(field.type) for field in features.arrow_schema}
    return Source(spec, "dataset", columns_of(sample, types), described, sample, count, read)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
