"""What is known of a profile without asking its provider: where it is, where its key comes from, what it can."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from workbench.providers.addresses import shown_address
from workbench.providers.errors import scrub
from workbench.providers.profiles import Capabilities, Profile, base_url, built_in, missing
from workbench.workflow.context import Context

CALLS_AT_ONCE = 4
"""While measuring, where the profile does not say."""

NO_KEY = "none is sent"
"""Where the key of a profile comes from that names none."""


class ProfileFacts(BaseModel):
    """A profile as it is shown; nothing in it is a secret, also where a hand-written `config.toml` holds one."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    base_url: str | None
    """As the profile says it; None where it leaves that to the kind or to the environment."""
    auth: str
    replay: str | None
    configured: bool
    missing: str | None
    """What it lacks, one sentence."""
    address: str | None
    """Where the API is, with the environment; None while nobody has said, and for the local engine."""
    host: str
    key_from: str
    """Where its key comes from, in words; never the key."""
    own: bool
    """Kept in `config.toml`: it can be removed."""
    shipped: bool
    """Comes with ftwb: removing puts it back."""
    resource_id: str | None
    embedding_model: str | None
    concurrency: int
    capabilities: Capabilities


def known_profiles(context: Context) -> list[ProfileFacts]:
    """All profiles by name."""
    own = set(context.config.profiles)
    return [facts_of(context, profile, own=name in own) for name, profile in sorted(context.profiles().items())]


def facts_of(context: Context, profile: Profile, *, own: bool = True) -> ProfileFacts:
    """One profile, kept or only drafted."""
    lacking = missing(profile, context.environ)
    address = None if profile.kind == "local" or profile.replay else base_url(profile, context.environ)
    return ProfileFacts(
        name=profile.name, kind=profile.kind, base_url=shown_address(profile.base_url), auth=profile.auth,
        replay=profile.replay, configured=lacking is None, missing=lacking, address=shown_address(address),
        host=_host(profile, address), key_from=_key_from(profile), own=own, shipped=profile.name in built_in(),
        resource_id=profile.resource_id, embedding_model=profile.embedding_model,
        concurrency=profile.concurrency or CALLS_AT_ONCE, capabilities=profile.capabilities,
    )  # fmt: skip


def rows_of(facts: ProfileFacts) -> list[tuple[str, str]]:
    """Everything about it, named and in words."""
    able = facts.capabilities
    rows = [("address", facts.address or facts.host), ("key", facts.key_from)]
    if able.deployments:
        rows.append(("resource", facts.resource_id or "not named: its deployments cannot be listed or made"))
    rows += [
        ("trains", ", ".join(able.methods) if able.jobs else "nothing"),
        ("jobs", _listed(able.jobs, (able.events, "events"), (able.checkpoints, "checkpoints"),
                         (able.pause, "pause and resume"), (able.metadata, "metadata"))),
        ("models", "can be deleted" if able.delete_models else "cannot be deleted from here"),
        ("files", _files(able)),
        ("embeddings", facts.embedding_model or ("yes, of no model in particular" if able.embeddings else "none")),
        ("at once", f"{facts.concurrency} calls while measuring"),
    ]  # fmt: skip
    if able.integrations:
        rows.append(("reports to", ", ".join(able.integrations)))
    return rows


def _key_from(profile: Profile) -> str:
    if profile.kind == "local" or profile.replay:
        return "none is needed"
    if profile.auth == "entra":
        return "Entra: whoever is signed in"
    ways = [f"the variable {scrub(profile.api_key_env)}"] if profile.api_key_env else []
    ways += [f"the command `{scrub(profile.api_key_command)}`"] if profile.api_key_command else []
    return ", else ".join(ways) or NO_KEY


def _host(profile: Profile, address: str | None) -> str:
    if profile.kind == "local":
        return "this machine"
    if profile.replay:
        return f"the recording {profile.replay}"
    if not address:
        return "not known yet"
    try:
        place = urlsplit(address)
        return f"{place.hostname or '?'}{f':{place.port}' if place.port else ''}"
    except ValueError:
        return "not an address"


def _files(able: Capabilities) -> str:
    whole = f"whole up to {able.file_bytes / 1024**2:,.0f} MB" if able.file_bytes else "whole"
    return f"{whole}, larger ones in parts of {able.part_bytes / 1024**2:,.0f} MB" if able.uploads else whole


def _listed(there: bool, *parts: tuple[bool, str]) -> str:
    if not there:
        return "none"
    return ", ".join(name for has, name in parts if has) or "nothing but their state"
