"""What every step needs: where things are, who the person's providers are, and the local engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.providers.local import LocalEngine
from workbench.providers.profiles import Profile, built_in, lacking, way_out
from workbench.workflow.config import Config, Remembered
from workbench.workspace import paths
from workbench.workspace.store import Store

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass(frozen=True)
class Context:
    """One workspace, one environment, one engine. A value: it opens nothing until it is asked."""

    home: Path
    """The workspace folder."""
    cache: Path
    """Models, answers and token counts; shared by workspaces, safe to delete."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @cached_property
    def store(self) -> Store:
        """The workspace's documents."""
        return Store(self.home)

    @cached_property
    def engine(self) -> LocalEngine:
        """The local engine of this workspace; nothing starts it but a call that needs it."""
        trainer_python = self.profile("local").trainer_python
        return LocalEngine(self.home, self.cache, environ=self.environ, trainer_python=trainer_python)

    @property
    def config(self) -> Config:
        """`config.toml` as it is now."""
        return self.store.read("config.toml", Config)

    @property
    def remembered(self) -> Remembered:
        """`workspace.toml` as it is now."""
        return self.store.read("workspace.toml", Remembered)

    def profiles(self) -> dict[str, Profile]:
        """All profiles by name: those out of the box, overridden and extended by the person's own."""
        return built_in() | self.config.profiles

    def profile(self, name: str) -> Profile:
        """The profile `name`; raises WorkbenchError where there is none."""
        known = self.profiles()
        if name not in known:
            raise WorkbenchError(
                f"profile {name!r}",
                "does not exist",
                f"profiles here: {', '.join(sorted(known))}",
                code="unknown_profile",
            )
        return known[name]

    def complete_profile(self, name: str) -> Profile:
        """The profile `name`; raises WorkbenchError also where it misses something. Starts nothing."""
        profile = self.profile(name)
        if lack := lacking(profile, self.environ):
            raise WorkbenchError(f"profile {name}", lack, way_out(profile), code="profile_incomplete")
        return profile

    async def client(self, name: str) -> AsyncOpenAI:
        """A client of the profile `name`; starts the engine for a local one, says what a hosted one misses."""
        from workbench.providers.client import connect

        profile, replayed = self.complete_profile(name), self.replay_state(name)
        return await connect(profile, engine=self.engine, environ=self.environ, replay_state=replayed)

    def replay_state(self, name: str) -> Path:
        """Where it is remembered what was made in the recording that the profile `name` plays."""
        return self.cache / "replay" / f"{name}.json"


def open_context(workspace: Path | None = None, environ: Mapping[str, str] | None = None) -> Context:
    """The context for a workspace folder, else `FTWB_HOME`, else the platform's user data folder."""
    env = os.environ if environ is None else environ
    return Context(home=paths.home(workspace, env), cache=paths.cache(env), environ=env)
