"""What differs between OpenAI, Azure, compatible providers and our own engine: a profile, not a code path."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.errors import WorkbenchError
from workbench.providers.addresses import secrets_in, shown_address
from workbench.providers.errors import holds_secret, scrub

Kind = Literal["local", "openai", "azure", "compatible"]

KEY_COMMAND_TIMEOUT_S = 60.0
"""A password manager may ask the person first."""


class Capabilities(BaseModel):
    """What a profile can do, so that nobody else asks which provider it is."""

    model_config = ConfigDict(frozen=True)

    jobs: bool = True
    events: bool = True
    checkpoints: bool = True
    pause: bool = False
    delete_models: bool = False
    embeddings: bool = True
    """It has an embeddings endpoint."""
    metadata: bool = True
    """Jobs keep `metadata`."""
    find_by_metadata: bool = False
    """The job list can be asked for it."""
    methods: tuple[str, ...] = ("sft",)
    method_style: Literal["method", "hyperparameters"] = "method"
    """Whether hyperparameters travel inside `method` or, as before 2025, at the top."""
    suffix_max: int = 64
    body_settings: tuple[str, ...] = ()
    """Settings that are neither OpenAI's nor ours and travel at the top of the body."""
    ranges: bool = False
    """Hyperparameters are held to the ranges that OpenAI publishes, before anything is sent."""
    tiers: dict[str, str] = Field(default_factory=dict)
    """Where and how urgently a job trains, each with its `trainingType`; the price differs."""
    deployments: bool = False
    """A model answers only once it is deployed, which is billed by the hour."""
    own_machine: bool = False
    """It trains and answers here: nobody bills it, and base models are fetched when they are needed."""
    integrations: tuple[str, ...] = ()
    """Services that a job can report to, such as `wandb`."""
    uploads: bool = False
    """Takes large files in parts (`/uploads`), which can go on after a break."""
    part_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """The largest part (OpenAI: 64 MB); what is larger is sent in parts."""
    file_bytes: int | None = None
    """The largest file that is taken whole; None: nobody says."""
    ftwb: bool = False
    """Takes our `ftwb` object: real method and trainer settings."""


_CAPABILITIES: dict[str, Capabilities] = {
    "local": Capabilities(
        pause=True,
        delete_models=True,
        find_by_metadata=True,
        suffix_max=64,
        ftwb=True,
        embeddings=False,
        own_machine=True,
    ),
    "openai": Capabilities(
        pause=True,
        delete_models=True,
        find_by_metadata=True,
        methods=("sft", "dpo", "reinforcement"),
        ranges=True,
        integrations=("wandb",),
        uploads=True,
        file_bytes=512 * 1024 * 1024,
    ),
    # Azure's documents say 18 characters of suffix; its own notebooks show jobs with 29 and 34. Uploads in parts are
    # documented for its older dated API alone.
    "azure": Capabilities(
        pause=True,
        delete_models=True,
        methods=("sft", "dpo", "reinforcement"),
        ranges=True,
        body_settings=("trainingType",),
        # A name for the data zone's is published nowhere, neither in the API's specification nor in a sample.
        tiers={"standard": "Standard", "global": "GlobalStandard", "developer": "developerTier"},
        deployments=True,
        file_bytes=512 * 1024 * 1024,
    ),
    "compatible": Capabilities(metadata=False, method_style="hyperparameters", suffix_max=40),
}


class Profile(BaseModel):
    """How one provider is reached. Holds no secret: only where one comes from."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: Kind = "compatible"
    base_url: str | None = None
    api_key_env: str | None = None
    """The environment variable with the key."""
    api_key_command: str | None = None
    """A command that prints the key, such as `pass show openai`; no shell is involved."""
    auth: Literal["key", "entra"] = "key"
    """Azure: a key, or a token of Microsoft Entra through azure-identity (the `azure` extra)."""
    resource_id: str | None = None
    """Azure: `/subscriptions/…/accounts/NAME`, which deployments belong to."""
    replay: str | None = None
    """The bundled recording that answers instead of a provider; every figure of it is *recorded*."""
    embedding_model: str | None = None
    """What turns texts into vectors for `+rag:K:dense`; for Azure a deployment."""
    concurrency: int | None = Field(default=None, ge=1)
    """Calls in flight at once while measuring; None: 4. A provider that refuses gets fewer by itself."""
    trainer_python: str | None = None
    """Local: the interpreter that trains."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """`capabilities`: a table that overrides what the kind can do."""

    @property
    def capabilities(self) -> Capabilities:
        """What the kind can do, with this profile's own corrections."""
        own = self.settings.get("capabilities")
        known = _CAPABILITIES[self.kind]
        return Capabilities.model_validate(known.model_dump() | dict(own)) if isinstance(own, Mapping) else known


def built_in() -> dict[str, Profile]:
    """The profiles out of the box."""
    profiles = (
        Profile(name="local", kind="local"),
        Profile(name="openai", kind="openai", api_key_env="OPENAI_API_KEY", embedding_model="text-embedding-3-small"),
        Profile(name="azure", kind="azure", api_key_env="AZURE_OPENAI_API_KEY"),
    )
    return {profile.name: profile for profile in profiles}


def base_url(profile: Profile, environ: Mapping[str, str] = os.environ) -> str | None:
    """Where the profile's API is, None while nobody has said. The local engine has no URL that matters."""
    if profile.replay:
        return f"http://{profile.replay}.recording/{'openai/' if profile.kind == 'azure' else ''}v1/"
    match profile.kind:
        case "local":
            return "http://ftwb.local/v1"
        case "openai":
            return profile.base_url or environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        case "azure":
            endpoint = (profile.base_url or environ.get("AZURE_OPENAI_ENDPOINT") or "").rstrip("/")
            if not endpoint or endpoint.endswith("/openai/v1"):
                return f"{endpoint}/" if endpoint else None
            return f"{endpoint}/openai/v1/"
        case "compatible":
            return profile.base_url


def missing(profile: Profile, environ: Mapping[str, str] = os.environ) -> str | None:
    """One sentence about what the profile lacks, None when it is complete. Runs no command and starts nothing."""
    lack = lacking(profile, environ)
    return f"profile {profile.name} {lack}" if lack else None


def lacking(profile: Profile, environ: Mapping[str, str] = os.environ) -> str | None:
    """The clause of `missing`, such as "needs OPENAI_API_KEY"."""
    if profile.kind == "local":
        from workbench.providers.local import missing_packages

        return missing_packages()
    if profile.replay:
        return None
    lacks = []
    url = base_url(profile, environ)
    if url is None:
        lacks.append("AZURE_OPENAI_ENDPOINT" if profile.kind == "azure" else "an address")
    elif not url.startswith(("https://", "http://")):
        return "has an address that does not start with https:// or http://"
    if profile.auth == "entra":
        from workbench.providers.entra import installed

        if not installed():
            lacks.append("azure-identity (pip install 'ftwb[azure]')")
    elif not profile.api_key_command and profile.api_key_env and not environ.get(profile.api_key_env):
        lacks.append(profile.api_key_env)
    if not lacks:
        return None
    return f"needs {' and '.join(lacks)}"


def way_out(profile: Profile) -> str:
    """What to do about what `lacking` says."""
    if profile.kind == "local":
        return "or name another profile"
    return f"set it in the environment, or change the profile with `ftwb profile edit {profile.name}`"


def without_secrets(name: str, text: object) -> str | None:
    """What to show of a profile's field that holds a key, as a hand-written one may; None where it holds none."""
    if not isinstance(text, str) or name not in ("base_url", "api_key_env", "api_key_command"):
        return None
    if name == "base_url":
        return shown_address(text) if secrets_in(text) else None
    return scrub(text) if holds_secret(text) else None


def api_key(profile: Profile, environ: Mapping[str, str] = os.environ) -> str:
    """The key, from the environment or the profile's command; it is never stored and never logged.

    A compatible server that wants no key gets a placeholder. Blocks while the command runs.
    """
    if profile.replay:
        return "none"
    source = profile.api_key_env
    key = environ.get(source, "") if source else ""
    if not key and profile.api_key_command:
        source, key = "the key command", _ask(profile)
    if not source:
        return "none"
    key = key.strip()
    if not key:
        raise WorkbenchError(
            f"profile {profile.name}", f"{source} gives no key", f"set {profile.api_key_env or 'it'}", code="no_key"
        )
    if not all(0x21 <= ord(letter) <= 0x7E for letter in key):
        # An HTTP library would repeat such a header in its complaint.
        raise WorkbenchError(
            f"profile {profile.name}",
            f"the key from {source} holds a space or a character that cannot be sent",
            "copy it again",
            code="bad_key",
        )
    return key


def _ask(profile: Profile) -> str:
    """What the profile's command prints first. Its output is never repeated: it may be a key."""
    place = f"profile {profile.name}"
    try:
        asked = subprocess.run(
            shlex.split(profile.api_key_command or ""),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=KEY_COMMAND_TIMEOUT_S,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "is no command line"
        raise WorkbenchError(place, f"its key command cannot run ({why.lower()})", "check api_key_command") from None
    except subprocess.TimeoutExpired:
        raise WorkbenchError(place, "its key command does not end", "run it by hand to see why") from None
    if asked.returncode:
        raise WorkbenchError(
            place, f"its key command ended with status {asked.returncode}", "run it by hand to see why", code="no_key"
        )
    lines = asked.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else ""
