"""Azure's resource manager: the deployments of a resource, which its data plane cannot make."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import WorkbenchError
from workbench.providers import entra
from workbench.providers.arm_errors import refusal, unreachable
from workbench.providers.errors import ProviderError
from workbench.providers.profiles import Profile
from workbench.providers.recordings import recording

if TYPE_CHECKING:
    import httpx2

SKUS = {
    "regional": "Standard",
    "global": "GlobalStandard",
    "data-zone": "DataZoneStandard",
    "developer": "DeveloperTier",
}
"""Our tiers, which prices have, and Azure's names of SKUs."""
_TIERS = {sku.lower(): tier for tier, sku in SKUS.items()}
_AZ = "az account get-access-token --resource https://management.azure.com --query accessToken -o tsv"
_TOKEN_TIMEOUT_S, _TIMEOUT_S = 60.0, 60.0
POLL_S = 5.0
"""Between two looks at a deployment that is coming up."""
_ENDED = {"succeeded", "failed", "canceled", "cancelled"}
_FORMATS = (("gpt-oss", "Microsoft"), ("ministral", "Mistral AI"), ("mistral", "Mistral AI"), ("llama", "Meta"),
            ("qwen", "Alibaba"), ("phi", "Microsoft"))  # fmt: skip


class ArmSettings(BaseModel):
    """`profiles.NAME.settings.arm`: where the resource manager is and where its token comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "https://management.azure.com"
    """Other clouds have others."""
    api_version: str = "2024-10-01"
    token_env: str | None = None
    """The environment variable with a token; its lifetime is an hour."""
    token_command: str | None = None
    """A command that prints a token; by default azure-identity where it is installed, else `az`."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of an Azure resource."""

    name: str
    model: str
    status: str
    """Azure's `provisioningState`, an open string. `Succeeded` can still answer DeploymentNotReady for a while."""
    tier: str
    """One of ours where it is one, else Azure's own name."""
    capacity: int | None = None
    """Thousands of tokens a minute."""
    created_at: int | None = None
    """Unix seconds."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it by itself."""
        return self.status.lower() in _ENDED


def model_format(model: str) -> str:
    """`model.format` by family; a wrong one is answered with a bare HTTP 500."""
    name = model.lower()
    return next((form for begin, form in _FORMATS if begin in name), "OpenAI")


def create_body(model: str, tier: str, capacity: int, source: str | None = None) -> dict[str, Any]:
    """The body that makes a deployment; `source` is the resource that trained the model, in another region."""
    described = {"format": model_format(model), "name": model, "version": "1"}
    if source:
        described["source"] = source
    return {"sku": {"name": SKUS[tier], "capacity": capacity}, "properties": {"model": described}}


def az_command(profile: Profile, action: str, name: str | None = None, body: Mapping[str, Any] | None = None) -> str:
    """The `az` command that does the same as `create`, `list` or `delete`."""
    parts = _resource(profile).split("/")
    words = ["az", "cognitiveservices", "account", "deployment", action]
    words += ["--subscription", parts[2], "--resource-group", parts[4], "--name", parts[8]]
    words += ["--deployment-name", name] if name else []
    if body is not None:
        model = body["properties"]["model"]
        words += ["--model-name", model["name"], "--model-version", model["version"], "--model-format", model["format"]]
        words += ["--model-source", model["source"]] if "source" in model else []
        words += ["--sku-name", body["sku"]["name"], "--sku-capacity", str(body["sku"]["capacity"])]
    return shlex.join(words)


class Arm:
    """A connection to the resource manager for one resource; made by `connect_arm`."""

    def __init__(
        self, http: httpx2.AsyncClient, profile: Profile, settings: ArmSettings, token: Callable[[], str]
    ) -> None:
        self._http, self._profile, self._settings, self._token = http, profile, settings, token
        self._base = f"{settings.url.rstrip('/')}{_resource(profile)}/deployments"

    async def deployments(self) -> list[Deployment]:
        """All of them, by name."""
        found, address, seen = [], self._base, set[str]()
        while address and address not in seen:
            seen.add(address)
            answer = await self._call("GET", address, "listing deployments")
            rows = answer.get("value")
            found += [_deployment(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
            following = str(answer.get("nextLink") or "")
            # The token must not follow a link to somebody else.
            address = following if following.startswith(self._settings.url.rstrip("/") + "/") else ""
        return sorted(found, key=lambda one: one.name)

    async def deployment(self, name: str) -> Deployment | None:
        """One of them, None where there is none of that name."""
        try:
            return _deployment(await self._call("GET", self._place(name), f"deployment {name}"))
        except ProviderError as error:
            if error.status == 404 and error.code in ("DeploymentNotFound", "NotFound", "ResourceNotFound"):
                return None
            raise

    async def create(self, name: str, body: Mapping[str, Any]) -> Deployment:
        """Begin to make one, once. After an ambiguous failure it is looked for; it is never asked for twice."""
        try:
            answer = await self._call("PUT", self._place(name), f"creating deployment {name}", body)
        except ProviderError as error:
            made = await self._after(name, error) if error.ambiguous else None
            if made is None:
                raise
            return made
        return _deployment(answer)

    async def _after(self, name: str, error: ProviderError) -> Deployment | None:
        try:
            return await self.deployment(name)
        except ProviderError:
            raise error from None

    async def wait(self, made: Deployment, *, each: Callable[[Deployment], None] = lambda _: None) -> Deployment:
        """Ask until it has come to its end, and return it."""
        current = made
        while not current.ended:
            each(current)
            await asyncio.sleep(POLL_S)
            try:
                found = await self.deployment(made.name)
            except ProviderError as error:
                if not error.passing:
                    raise
                await asyncio.sleep(error.retry_after_s or POLL_S)
                continue
            if found is None:
                raise ProviderError(f"{self._profile.name}: deployment {made.name}", "is gone", code="not_found")
            current = found
        return current

    async def delete(self, name: str) -> None:
        """Delete one; its model is kept."""
        await self._call("DELETE", self._place(name), f"deleting deployment {name}")

    def _place(self, name: str) -> str:
        return f"{self._base}/{quote(name, safe='')}"

    async def _call(self, method: str, address: str, what: str, body: Any = None) -> dict[str, Any]:
        import httpx2

        token = await asyncio.to_thread(self._token)
        params = None if "api-version=" in address else {"api-version": self._settings.api_version}
        headers = {"Authorization": f"Bearer {token}"}
        where = f"{self._profile.name}: {what}"
        try:
            answer = await self._http.request(method, address, params=params, headers=headers, json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            translated = unreachable(error, where)
        else:
            if answer.is_success:
                return _json(answer)
            translated = refusal(answer, where, (token,))
        raise translated from None  # the exception's request holds the token


@asynccontextmanager
async def connect_arm(
    profile: Profile, environ: Mapping[str, str] = os.environ, *, replay_state: Path | None = None
) -> AsyncIterator[Arm]:
    """A connection for the profile's resource. Raises one sentence where the profile does not name it.

    `replay_state` as for `client.connect`.
    """
    import httpx2

    settings = arm_settings(profile)
    _resource(profile)
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, transport=_replaying(profile, replay_state)) as http:
        yield Arm(http, profile, settings, arm_token(profile, settings, environ))


def _replaying(profile: Profile, state: Path | None) -> httpx2.AsyncBaseTransport | None:
    if not profile.replay:
        return None
    from workbench.providers.replay_deployments import ReplayArmTransport

    return ReplayArmTransport(profile.replay, state)


def arm_settings(profile: Profile) -> ArmSettings:
    """The profile's own, else the public cloud's. Raises WorkbenchError naming what is wrong."""
    try:
        return ArmSettings.model_validate(profile.settings.get("arm") or {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise WorkbenchError(
            f"profiles.{profile.name}.settings.arm.{key}", first["msg"], "see `ftwb deployment --help`", exit_code=2
        ) from None


def arm_token(profile: Profile, settings: ArmSettings, environ: Mapping[str, str]) -> Callable[[], str]:
    """What gives a token: the environment, a command, azure-identity, else `az`, in this order. Calls block.

    A recording wants none, and is given none.
    """
    if profile.replay:
        return lambda: "none"
    if settings.token_env and environ.get(settings.token_env):
        return lambda: environ[settings.token_env or ""].strip()
    if settings.token_command is None and entra.installed():
        return entra.token(profile.name, entra.ARM_SCOPE)
    command, kept = settings.token_command or _AZ, list[str]()

    def ask() -> str:
        if not kept:
            kept.append(_printed(profile, command))
        return kept[0]

    return ask


def _printed(profile: Profile, command: str) -> str:
    """A command's first line, which is a token and never repeated."""
    place, program = f"profile {profile.name}", command.split()[0] if command.split() else "the token command"
    hint = "sign in with `az login`, or set profiles.NAME.settings.arm.token_env or token_command"
    try:
        asked = subprocess.run(
            shlex.split(command), capture_output=True, stdin=subprocess.DEVNULL, timeout=_TOKEN_TIMEOUT_S
        )
    except FileNotFoundError:
        raise WorkbenchError(place, f"{program} is not installed, so there is no token for Azure", hint) from None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise WorkbenchError(place, f"{program} gives no token for Azure", hint, code="no_token") from None
    lines = asked.stdout.decode("utf-8", "replace").strip().splitlines()
    if asked.returncode or not lines:
        raise WorkbenchError(place, f"{program} gives no token for Azure", hint, code="no_token")
    return lines[0].strip()


def _resource(profile: Profile) -> str:
    if profile.kind != "azure":
        raise WorkbenchError(
            f"profile {profile.name}", "has no deployments", "they are Azure's", code="not_supported", exit_code=2
        )
    found = str(recording(profile.replay)["resource_id"] if profile.replay else profile.resource_id or "").rstrip("/")
    if len(found.split("/")) != 9 or "/accounts/" not in found:
        raise WorkbenchError(
            f"profile {profile.name}",
            "does not name the resource that deployments belong to",
            f"`ftwb config set profiles.{profile.name}.resource_id /subscriptions/S/resourceGroups/G/providers/"
            "Microsoft.CognitiveServices/accounts/NAME`; `az cognitiveservices account list --query [].id` shows it",
            code="no_resource",
            exit_code=2,
        )
    return found


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _deployment(raw: Mapping[str, Any]) -> Deployment:
    """From ARM's JSON, of which nothing is taken for granted."""
    inside, sku = _table(raw.get("properties")), _table(raw.get("sku"))
    name = str(sku.get("name") or "")
    capacity = sku.get("capacity")
    return Deployment(
        name=str(raw.get("name") or ""),
        model=str(_table(inside.get("model")).get("name") or ""),
        status=str(inside.get("provisioningState") or "unknown"),
        tier=_TIERS.get(name.lower(), name),
        capacity=capacity if isinstance(capacity, int) else None,
        created_at=_time(_table(raw.get("systemData")).get("createdAt")),
    )


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(text: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp()) if text else None
    except ValueError:
        return None
