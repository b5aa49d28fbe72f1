"""A provider's file onto our disk: streamed, whole or not at all."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.errors import WorkbenchError
from workbench.providers.errors import speaking
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai


async def save_file(client: openai.AsyncOpenAI, profile: Profile, file_id: str, path: Path) -> int:
    """Write the content of a provider's file to `path`, and return its bytes. Memory does not grow with the file.

    Raises `ProviderError` where it may not be read, and `WorkbenchError` where it cannot be written; then nothing of
    it stays.
    """
    with _whole(path) as file:
        with speaking(profile, f"reading {file_id}", client):
            async with client.files.with_streaming_response.content(file_id) as answer:
                async for chunk in answer.iter_bytes(1 << 18):
                    file.write(chunk)
        return file.tell()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when it is complete and on the disk."""
    name = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".saving-")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be written ({why})", "free some space", code="disk") from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def plain_results(content: bytes) -> bytes:
    """A result CSV as plain text: OpenAI sends it in base64. What is neither stays as it is."""
    if content.lstrip(b"\xef\xbb\xbf").startswith(b"step"):
        return content
    try:
        decoded = base64.b64decode(content, validate=False)
    except (binascii.Error, ValueError):
        return content
    return decoded if decoded.lstrip(b"\xef\xbb\xbf").startswith(b"step") else content
