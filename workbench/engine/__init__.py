"""The local OpenAI-compatible server, a process of its own."""

from __future__ import annotations

PROTOCOL = 1
"""The version of `/ftwb/v1`: a client that speaks another restarts the engine."""
