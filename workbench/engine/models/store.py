"""The base models on this machine, by name."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from workbench.engine.models import hub, served, starter
from workbench.engine.models.child import run_child
from workbench.engine.models.errors import ModelMissing, ModelRefused
from workbench.engine.models.folder import ModelFolder, read_folder
from workbench.engine.models.progress import Report


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


class ModelStore:
    """Finds, lists and fetches base models. Importing and using it needs neither torch nor transformers."""

    def __init__(self, cache: Path, free: Callable[[Path], int] = free_bytes) -> None:
        self.cache = cache
        self._free = free

    def resolve(self, name: str) -> ModelFolder:
        """The model `name`: `starter`, `org/name` of the hub, or a folder.

        Raises ModelMissing (not here; the hint says how to get it) or ModelRefused (here, and unusable).
        """
        if name == starter.STARTER:
            path = starter.starter_path(self.cache)
        elif is_path(name):
            path = _folder(name)
            return self._read(path, str(path))
        elif hub.HUB_ID.fullmatch(name):
            path = hub.hub_path(self.cache, name)
        else:
            raise ModelMissing(
                f"model {name!r}", "there is no such model", "use starter, org/name of the hub, or a folder from / on"
            )
        if not path.exists():
            raise ModelMissing(f"model {name!r}", "is not on this machine", f"run `ftwb model pull {name}`")
        return self._read(path, name)

    def list(self) -> list[ModelFolder]:
        """The models that were pulled and can be used, the starter first."""
        names = [starter.STARTER] if starter.starter_path(self.cache).exists() else []
        hub_folders = sorted((self.cache / "models" / "hub").glob("[!.]*"))
        found = []
        for name in [*names, *(folder.name.replace("--", "/", 1) for folder in hub_folders)]:
            with contextlib.suppress(ModelMissing, ModelRefused):  # whoever asks for it by name is told why
                found.append(self.resolve(name))
        return found

    async def pull(self, name: str, progress: Report) -> ModelFolder:
        """Fetch `name` unless it is here; a local folder is only looked at.

        Raises ModelMissing, ModelRefused, PullFailed. Cancelling kills the work; nothing half done is ever seen.
        """
        if is_path(name):
            return self.resolve(name)
        if name != starter.STARTER and not hub.HUB_ID.fullmatch(name):
            return self.resolve(name)  # raises, naming what is possible
        if not self._complete(name):
            if name == starter.STARTER:
                self._check_space(name, starter.DISK_NEEDED)
            await run_child("workbench.engine.models.pull", [name, "--cache", str(self.cache)], progress)
        return self.resolve(name)

    def _complete(self, name: str) -> bool:
        """Whether the model and what serves it are here."""
        try:
            model = self.resolve(name)
        except ModelMissing:
            return False
        ready = served.served_gguf(self.cache, model.sha256).exists()
        return ready or served.refusal(self.cache, model.sha256) is not None

    def _check_space(self, name: str, needed: int) -> None:
        free = self._free(self.cache)
        if not starter.starter_path(self.cache).exists() and free < needed:
            raise hub.not_enough_space(name, needed, free, self.cache)

    def _read(self, path: Path, model_id: str) -> ModelFolder:
        try:
            return read_folder(path, model_id, self.cache / "hashes")
        except OSError as error:
            raise ModelRefused(
                str(path), f"cannot be read ({error.strerror or error})", "check its files and their permissions"
            ) from error


def is_path(name: str) -> bool:
    """Whether a name is meant as a folder of this machine."""
    return name.startswith(("/", "./", "../", "~")) or name in (".", "..")


def _folder(name: str) -> Path:
    """The folder of that name. A relative one is refused: the engine stands elsewhere than the person who asks."""
    try:
        path = Path(name).expanduser()
        if not path.is_absolute():
            raise ModelMissing(name, "is not a whole path", "give the folder from / on")
        path = path.resolve()
        there = path.is_dir()
    except (OSError, RuntimeError, ValueError):  # no permission, too long, nobody's home, a NUL
        there = False
    if not there:
        raise ModelMissing(name, "there is no such folder", "give the folder of a model with config.json")
    return path
