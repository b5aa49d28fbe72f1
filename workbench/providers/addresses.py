"""Addresses of providers that hold a secret: found, and shown without it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_NAMES_A_SECRET: Final = re.compile(r"(?i)key|token|secret|passw|auth|credential|^(?:sig|code)$")


def secrets_in(address: str | None) -> tuple[str, ...]:
    """The user name, password and secret parameters of an address; none where it is no address."""
    try:
        place = urlsplit(address or "")
        held = [place.username, place.password]
    except ValueError:
        return ()
    held += [value for name, value in parse_qsl(place.query) if _NAMES_A_SECRET.search(name)]
    return tuple(dict.fromkeys(one for one in held if one))


def shown_address(address: str | None) -> str | None:
    """The address for anybody's eyes: without its user, `***` in the place of secret parameters."""
    if not address:
        return address
    scheme, slashes, rest = address.partition("://")
    if not slashes:
        scheme, rest = "", address
    place, mark, query = rest.partition("?")
    host, slash, path = place.partition("/")
    asked = "&".join(
        f"{name}=***" if given and _NAMES_A_SECRET.search(name) else part
        for part in query.split("&")
        for name, given, _ in [part.partition("=")]
    )
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}{mark}{asked}"
