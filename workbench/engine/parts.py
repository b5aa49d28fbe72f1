"""What the server stands on, as the server sees it: models, hosts, trainers. Tests put fakes in their place."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.engine.launchers import Launcher


class BaseModelFolder(Protocol):
    """A base model that lies on this machine (`engine.models.store.ModelFolder`)."""

    @property
    def id(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> Any: ...
    @property
    def chat_template(self) -> str | None: ...
    @property
    def bos_token(self) -> str | None: ...
    @property
    def eos_token(self) -> str | None: ...
    @property
    def max_length(self) -> int: ...


class BaseModels(Protocol):
    """Where base models are found (`engine.models.store.ModelStore`)."""

    def resolve(self, name: str) -> BaseModelFolder:
        """Raises a WorkbenchError where it is not here, or cannot be used."""
        ...

    def list(self) -> Sequence[BaseModelFolder]: ...
    async def pull(self, name: str, progress: Callable[[Any], None]) -> BaseModelFolder: ...


class HostEndpoint(Protocol):
    """A host that answers for one model."""

    @property
    def uds(self) -> Path: ...
    @property
    def api_key(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def precision(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Served:
    """A model somebody wants answers of: a base, a tuned model or a checkpoint."""

    id: str
    base: BaseModelFolder
    adapter: Path | None
    sha256: str
    """Of the content, adapter and base together."""
    created: int
    kind: str
    """base, tuned or checkpoint."""


class Hosts(Protocol):
    """The pool of hosts (`engine.hosts.pool.HostPool`)."""

    def lease(self, served: Served) -> AbstractAsyncContextManager[HostEndpoint]:
        """The model's host for the length of one answer. Raises a WorkbenchError where there is none."""
        ...

    async def forget(self, sha256: str) -> None:
        """End the host of a model that was deleted, and remove what was made to serve it."""
        ...

    async def close(self) -> None: ...
    async def sweep(self) -> None: ...
    def loaded(self) -> Sequence[str]: ...


class Method(Protocol):
    """One thing an interpreter's trainer can do."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def settings(self) -> Sequence[Any]: ...


class Probe(Protocol):
    """What an interpreter can train (`engine.trainers.ProbeResult`)."""

    @property
    def methods(self) -> Sequence[Method]: ...
    @property
    def versions(self) -> Mapping[str, Any]: ...


Merge = Callable[[Path, Path, Path], Awaitable[None]]
"""(base, adapter, out): write the merged model into the empty folder `out`."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything of the engine that is not the server."""

    models: BaseModels
    hosts: Hosts
    launcher: Launcher
    probe: Callable[[str], Awaitable[Probe]]
    check_settings: Callable[[Any, str, Mapping[str, Any]], None]
    """(probe, method, settings): raises a WorkbenchError that names the unknown setting."""
    trainer_folder: Callable[[str], Path]
    estimate: Callable[..., Awaitable[Any]]
    """(base, n_records=, mean_tokens=, max_tokens=, settings=): memory, seconds, free and whether it fits."""
    prepare: Sequence[str] = (sys.executable, "-m", "workbench.engine.prepare")
    """A command; the job's folder follows as its argument."""
    record_speed: Callable[[Any, float], None] | None = None
    """(base, tokens a second): what a job that ended teaches the estimate."""
    merge: Merge | None = None
