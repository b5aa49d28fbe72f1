"""Services that a job reports to while it trains: `integrations` of the API, so far only Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.errors import WorkbenchError
from workbench.providers.profiles import Profile

SETTING: Final = "integrations"
"""The name among a job's settings."""
MOST: Final = 5
"""In one job."""
_HINT = 'for example [{"type": "wandb", "wandb": {"project": "tickets"}}]'


def wandb(project: str, *, name: str | None = None, tags: Sequence[str] = ()) -> dict[str, Any]:
    """The integration with Weights & Biases; `project` is `PROJECT` or `ENTITY/PROJECT`."""
    entity, _, rest = project.strip().rpartition("/")
    if not rest or "/" in entity:
        why = f"{project!r} is neither PROJECT nor ENTITY/PROJECT"
        raise WorkbenchError("W&B project", why, "for example tickets or my-team/tickets", code="usage", exit_code=2)
    inner: dict[str, Any] = {"project": rest}
    inner |= {"entity": entity} if entity else {}
    inner |= {"name": name} if name else {}
    inner |= {"tags": list(tags)} if tags else {}
    return {"type": "wandb", "wandb": inner}


def checked(profile: Profile, given: Any) -> list[dict[str, Any]]:
    """The `integrations` as they are sent. Raises `WorkbenchError` for what the profile, or the API, does not take."""
    if not given:
        return []
    able = profile.capabilities.integrations
    if not able:
        why = "reports to no other service such as Weights & Biases while it trains"
        raise _refused(f"profile {profile.name}", why, "leave integrations out; `ftwb job series` writes the numbers")
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise _refused("integrations", "is no list of objects", _HINT)
    if len(given) > MOST:
        raise _refused("integrations", f"names {len(given)} services", f"name {MOST} at most")
    for one in given:
        if one.get("type") not in able:
            raise _refused("integrations", f"names {one.get('type')!r}", f"there is {', '.join(able)}")
        inner = one.get(str(one["type"]))
        if not isinstance(inner, Mapping) or not isinstance(inner.get("project"), str) or not inner["project"]:
            raise _refused("integrations", f"names no project of {one['type']}", _HINT)
        for name in ("name", "entity"):
            if not isinstance(inner.get(name), (str, type(None))):
                raise _refused("integrations", f"{name} of {one['type']} is no text", _HINT)
        tags = inner.get("tags")
        if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
            raise _refused("integrations", f"tags of {one['type']} are no list of texts", _HINT)
    return [dict(one) for one in given]


def named(raw: Any) -> list[str]:
    """Integrations as people write them: `wandb my-team/tickets (run)`; of a job, whatever its provider sent."""
    found = []
    for one in raw if isinstance(raw, list) else []:
        if not isinstance(one, Mapping):
            continue
        kind = str(one.get("type") or "?")
        inner = one.get(kind)
        inner = inner if isinstance(inner, Mapping) else {}
        place = "/".join(str(inner[key]) for key in ("entity", "project") if inner.get(key))
        run = f" ({inner['name']})" if inner.get("name") else ""
        found.append(f"{kind} {place}{run}".rstrip())
    return found


def _refused(what: str, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(what, why, hint, code="not_supported", exit_code=2)
