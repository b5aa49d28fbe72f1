"""Addresses that somebody put a key into."""

from __future__ import annotations

import pytest

from workbench.providers.addresses import secrets_in, shown_address


@pytest.mark.parametrize(
    ("address", "secrets", "shown"),
    [
        ("https://api.example/v1", (), "https://api.example/v1"),
        ("https://me:hunter2@api.example:8443/v1", ("me", "hunter2"), "https://api.example:8443/v1"),
        ("https://hunter2@api.example/v1", ("hunter2",), "https://api.example/v1"),
        (
            "https://api.example/v1?api-version=2&api-key=hunter2&sig=s3",
            ("hunter2", "s3"),
            "https://api.example/v1?api-version=2&api-key=***&sig=***",
        ),
        ("https://api.example/v1?mode=fast", (), "https://api.example/v1?mode=fast"),
        ("me:hunter2@api.example", (), "api.example"),
        ("https://[broken", (), "https://[broken"),
        ("", (), ""),
        (None, (), None),
    ],
)
def test_secrets_are_found_and_not_shown(address, secrets, shown) -> None:
    """User, password and parameters whose names say so; the rest stays as it is."""
    assert secrets_in(address) == secrets
    assert shown_address(address) == shown
