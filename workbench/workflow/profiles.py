"""A person's own profiles: added, tried, taken away. A key is never among what is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from workbench.errors import WorkbenchError
from workbench.providers.addresses import secrets_in
from workbench.providers.errors import holds_secret
from workbench.providers.profiles import Profile, built_in
from workbench.workflow.config import PROFILE_NAME, Config
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.providers.probe import Probe, Probed

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def add_profile(context: Context, name: str, *, replace: bool = False, **fields: Any) -> Profile:
    """Keep a profile in `config.toml`. Raises WorkbenchError (usage) naming the field that cannot be.

    One that exists is refused unless `replace`; those out of the box may always be given other values.
    """
    profile = drafted(name, fields)

    def change(config: Config) -> Config:
        if name in config.profiles and not replace:
            raise _refused(f"profile {name}", "exists already", "add --replace, or choose another name")
        return config.model_copy(update={"profiles": {**config.profiles, name: profile}})

    context.store.update("config.toml", Config, change)
    return profile


def change_profile(context: Context, name: str, **fields: Any) -> Profile:
    """Keep a profile with these fields changed; those that are None stay, an empty text makes one what comes with ftwb.

    Raises WorkbenchError (usage) naming the field that cannot be, or where there is no such profile.
    """
    context.profile(name)

    def change(config: Config) -> Config:
        before = (built_in() | config.profiles).get(name)
        return config.model_copy(update={"profiles": {**config.profiles, name: drafted(name, fields, before)}})

    return context.store.update("config.toml", Config, change).profiles[name]


def drafted(name: str, fields: Mapping[str, Any], before: Profile | None = None) -> Profile:
    """The profile that would be kept: `before`, else what comes with ftwb, with these fields. Keeps nothing.

    Raises WorkbenchError (usage) naming the field that cannot be.
    """
    if not PROFILE_NAME.fullmatch(name):
        raise _refused(f"profile {name!r}", "is no name for a profile", "use small letters, digits and dashes")
    known = built_in().get(name)
    shipped = known.model_dump() if known else {}
    cleared = {key: shipped.get(key, Profile.model_fields[key].default) for key, value in fields.items() if value == ""}
    given = {key: value for key, value in fields.items() if value is not None and value != ""}
    if given.get("replay") is not None:
        from workbench.providers.recordings import recording

        recorded = recording(str(given["replay"]))
        played = recorded["kind"]
        # At Azure it is asked for by the name of its deployment.
        embeds = "embeddings" if played == "azure" else recorded["embedding_models"][0]
        given.setdefault("embedding_model", embeds)
        if given.setdefault("kind", played) != played:
            raise _refused("--replay", f"is a recording of {played}", f"leave out --kind, or give {played}")
    if known is not None and given.get("kind", known.kind) != known.kind:
        raise _refused(f"profile {name}", f"is {known.kind} out of the box", "choose another name for another kind")
    _holds_no_secret(given)
    base = before.model_dump() if before else shipped
    try:
        profile = Profile.model_validate(base | cleared | given | {"name": name})
    except ValidationError as error:
        if any(wrong["loc"][:1] == ("concurrency",) for wrong in error.errors()):
            raise _refused("--concurrency", "is no whole number from 1 up", "4 is usual") from None
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refused(f"{first['loc'][0]}", first["msg"], "see `ftwb profile add --help`") from None
    _fits_its_kind(profile)
    return profile


def remove_profile(context: Context, name: str) -> bool:
    """Forget a person's own profile; its jobs and runs stay. True where one out of the box is as shipped again."""

    def change(config: Config) -> Config:
        if name not in config.profiles:
            if name in built_in():
                raise _refused(f"profile {name}", "comes with ftwb and cannot be removed", "nothing of yours is in it")
            raise WorkbenchError(
                f"profile {name!r}", "does not exist", "see `ftwb profile list`", code="unknown_profile"
            )
        return config.model_copy(update={"profiles": {k: v for k, v in config.profiles.items() if k != name}})

    context.store.update("config.toml", Config, change)
    return name in built_in()


def recorded_providers() -> list[str]:
    """The names of the bundled recordings, which play the part of a provider."""
    from workbench.providers.recordings import recordings

    return recordings()


async def try_profile(context: Context, name: str, told: Callable[[Probe], None] = lambda _: None) -> Probed:
    """Ask a profile for what it claims to have, `told` of each answer; only calls that read.

    Raises where the profile is not complete.
    """
    from workbench.providers.probe import probe

    async with await context.client(name) as client:
        return await probe(client, context.profile(name), told)


def _holds_no_secret(given: dict[str, Any]) -> None:
    """Keys belong into the environment or a password manager. What may be one is not repeated."""
    if (variable := given.get("api_key_env")) is not None and not _VARIABLE.fullmatch(str(variable)):
        raise _refused("--key-env", "is not the name of an environment variable", "name the variable, not the key")
    command = str(given.get("api_key_command") or "")
    variable = str(given.get("api_key_env") or "")
    if holds_secret(command) or holds_secret(variable):
        raise _refused("the key", "seems to be given itself", "name a variable or a command that prints it")
    url = str(given.get("base_url") or "")
    if secrets_in(url):
        raise _refused("--url", "holds a user name, password or key", "give it without")


def _fits_its_kind(profile: Profile) -> None:
    place = f"profile {profile.name}"
    url = profile.base_url
    if url and not url.startswith(("https://", "http://")):
        raise _refused("--url", f"{url} does not start with https:// or http://", "give the whole address")
    if url and not _names_a_host(url):
        raise _refused("--url", "names no server", "give the whole address, as https://host/v1")
    if profile.kind == "compatible" and not url and not profile.replay:
        raise _refused(place, "has no address", "give --url, which usually ends in /v1")
    if profile.kind != "azure" and (profile.auth == "entra" or profile.resource_id):
        raise _refused(place, f"is {profile.kind}: --entra and --resource-id are for azure", "leave them out")
    if profile.resource_id and not profile.resource_id.startswith("/subscriptions/"):
        hint = "give /subscriptions/…/resourceGroups/…/providers/Microsoft.CognitiveServices/accounts/NAME"
        raise _refused("--resource-id", "is no resource id of Azure", hint)


def _names_a_host(url: str) -> bool:
    try:
        place = urlsplit(url)
        return bool(place.hostname) and place.port != 0 and url.isprintable() and " " not in url
    except ValueError:  # a port that is none, half an IPv6 address
        return False


def _refused(what: str, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(what, why, hint, code="usage", exit_code=2)
