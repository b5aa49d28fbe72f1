"""Training files on their way to a provider: streamed, in parts where they are large, and never twice.

A file's name at the provider holds a piece of its hash. So whoever was interrupted, or does not know whether it
arrived, finds it again in the provider's list instead of sending it once more.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal, cast

from workbench.errors import WorkbenchError
from workbench.providers.errors import ProviderError, speaking, strange
from workbench.providers.pages import pages
from workbench.providers.profiles import Profile
from workbench.providers.sent import Parts, Sent, SentFiles

if TYPE_CHECKING:
    import openai

READY_S = 600.0
"""How long a provider may look at an uploaded file before we give up (Azure takes minutes for large ones)."""
AGAIN_S = (0.5, 2.0)
"""When to try again after a failure that passes. Lists lag behind: a file that may have arrived is looked for then."""
EXPIRES_SOON_S = 60
"""An upload in parts that ends this soon is begun anew."""
MIME = "text/jsonl"
"""Of a training file, as OpenAI's guide to uploads has it."""
_LOOKING = {"pending", "running", "processing", "uploading"}
_BAD = {"error", "failed", "deleted"}
_STEM = 40
"""Characters of a file's own name that are kept in front of its hash."""

Purpose = Literal["fine-tune", "batch"]
Progress = Callable[[int, int], None]
"""Bytes that have been sent, bytes in all."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file at the provider."""

    id: str
    reused: bool
    """It was there already: other jobs may have been trained on it too."""


@dataclass(frozen=True, slots=True)
class _There:
    """A file as the provider answered with it."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class _Content:
    """A file on our disk as it was when it was looked at."""

    path: Path
    name: str
    bytes: int
    sha256: str
    md5: str


async def upload(
    client: openai.AsyncOpenAI,
    path: Path,
    *,
    profile: Profile,
    purpose: Purpose = "fine-tune",
    sent: SentFiles | None = None,
    progress: Progress = lambda _done, _total: None,
    poll_s: float = 5.0,
    again_s: Sequence[float] = AGAIN_S,
) -> Uploaded:
    """Upload a file, wait until the provider accepts it, and return it; with `sent` one that is there is used again.

    With `sent` an upload that was killed is looked for and goes on where it stopped. Raises `ProviderError`; with the
    code `upload_unknown` it may have arrived, and the next try finds it.
    """
    content = await asyncio.to_thread(_look, path)
    known = sent.recall(content.sha256) if sent is not None else None
    if known is not None and known.bytes == content.bytes:
        if found := await _still_there(client, profile, known, purpose):
            await until_ready(client, profile, path.name, found.id, found.status, poll_s)
            if sent is not None:
                sent.keep(known.model_copy(update={"file_id": found.id, "parts": None}))
            return Uploaded(found.id, reused=True)
        known = known.model_copy(update={"file_id": None, "parts": known.parts if known.file_id is None else None})
    begun = known or Sent(sha256=content.sha256, name=content.name, bytes=content.bytes)
    sending = _Sending(client, profile, content, begun, purpose, sent, progress, tuple(again_s))
    found = await sending.run()
    await until_ready(client, profile, path.name, found.id, found.status, poll_s)
    return Uploaded(found.id, reused=False)


async def until_ready(
    client: openai.AsyncOpenAI, profile: Profile, name: str, file_id: str, status: str, poll_s: float
) -> None:
    """Wait until the provider has looked at a file whose `status` says that it is looking. Raises `ProviderError`."""
    waited, delay = 0.0, min(0.2, poll_s)
    while status in _LOOKING and waited < READY_S:
        await asyncio.sleep(delay)
        waited, delay = waited + delay, min(delay * 1.5, poll_s)
        with speaking(profile, f"waiting for {name}", client):
            found = await client.files.retrieve(file_id)
        status = str(getattr(found, "status", "") or "")
        if status in _BAD:
            why = getattr(found, "status_details", None) or f"the provider marked it {status}"
            raise ProviderError(f"{profile.name}: {name}", str(why), "check the file with `ftwb dataset check`")
    if status in _LOOKING:
        raise ProviderError(f"{profile.name}: {name}", f"is still {status} after {READY_S:.0f} s", "try again later")


async def _still_there(client: openai.AsyncOpenAI, profile: Profile, known: Sent, purpose: str) -> _There | None:
    """The file of this content that the provider has now: as we remember it, or as its list says."""
    try:
        if known.file_id is None:
            return await _listed(client, profile, known, purpose)
        with speaking(profile, f"file {known.file_id}", client):
            file = await client.files.retrieve(known.file_id)
    except ProviderError as error:
        if error.passing or error.code in ("offline", "unauthorized"):
            raise
        return None  # deleted, or of another account
    return _there(file) if _is(file, known, purpose) else None


async def _listed(client: openai.AsyncOpenAI, profile: Profile, known: Sent, purpose: str) -> _There | None:
    first = client.files.list(limit=100, order="desc", purpose=purpose)
    async for page in pages(first, profile, "looking for the file", client):
        for file in page:
            if getattr(file, "filename", None) == known.name and _is(file, known, purpose):
                return _there(file)
    return None


def _there(file: Any) -> _There:
    return _There(str(file.id), str(getattr(file, "status", "") or ""))


def _is(file: Any, known: Sent, purpose: str) -> bool:
    """Whether a provider's file is the one that we know, and usable."""
    usable = str(getattr(file, "status", "") or "") not in _BAD
    return bool(
        usable
        and getattr(file, "id", None)
        and getattr(file, "bytes", None) == known.bytes
        and getattr(file, "purpose", None) == purpose
    )


class _Sending:
    """One file that is being sent."""

    def __init__(
        self, client: openai.AsyncOpenAI, profile: Profile, content: _Content, begun: Sent, purpose: Purpose,
        sent: SentFiles | None, progress: Progress, again_s: tuple[float, ...],
    ) -> None:  # fmt: skip
        self._client, self._profile, self._content = client, profile, content
        self._begun, self._purpose, self._sent = begun, purpose, sent
        self._progress, self._again_s = progress, again_s
        self._what = f"uploading {content.path.name}"

    async def run(self) -> _There:
        """Send it, and remember that it is there."""
        able, size = self._profile.capabilities, self._content.bytes
        in_parts = able.uploads and size > able.part_bytes
        if not in_parts and able.file_bytes is not None and size > able.file_bytes:
            raise WorkbenchError(
                str(self._content.path),
                f"has {size / 1e6:,.0f} MB, and profile {self._profile.name} takes {able.file_bytes / 1e6:,.0f} MB",
                "train on fewer records",
                code="too_large",
            )
        self._keep()  # from here on a kill leaves a trace, and the next try looks in the provider's list first
        found = await (self._parts() if in_parts else self._whole())
        self._keep(file_id=found.id, parts=None)
        return found

    def _keep(self, **changes: Any) -> None:
        self._begun = self._begun.model_copy(update=changes)
        if self._sent is not None:
            self._sent.keep(self._begun)

    async def _whole(self) -> _There:
        async def once() -> _There:
            with _open(self._content.path) as file, speaking(self._profile, self._what, self._client):
                # A path would be read into memory as a whole; an open file is streamed.
                watched = Watched(file, lambda done: self._progress(done, self._content.bytes))
                given = (self._begun.name, cast("IO[bytes]", watched))
                found = await self._client.with_options(max_retries=0).files.create(file=given, purpose=self._purpose)
            self._unchanged(watched.sha256)
            return self._file(found)

        return await self._trying(once)

    async def _parts(self) -> _There:
        size = self._profile.capabilities.part_bytes
        for fresh in (False, True):
            under_way = await self._begin(size, fresh=fresh)
            try:
                await self._send_parts(under_way)
                break
            except ProviderError as error:
                if fresh or error.passing or error.status not in (400, 404):
                    raise
                # The provider has let go of the upload that was under way: once more, from the start.
        parts = self._begun.parts
        assert parts is not None

        async def complete() -> _There:
            with speaking(self._profile, self._what, self._client):
                done = await self._client.with_options(max_retries=0).uploads.complete(
                    parts.id, part_ids=list(parts.done), md5=self._content.md5
                )
            return self._file(done.file)

        try:
            return await self._trying(complete)
        except ProviderError as error:
            if not error.passing:
                self._keep(parts=None)  # the provider refuses these parts: the next try sends others
            raise

    async def _begin(self, size: int, *, fresh: bool) -> Parts:
        """The upload that is under way, else a new one. An empty one that nobody goes on with ends by itself."""
        known = self._begun.parts
        if known is not None and not fresh and known.size == size and known.expires_at > time.time() + EXPIRES_SOON_S:
            return known
        with speaking(self._profile, self._what, self._client):
            made = await self._client.uploads.create(
                bytes=self._content.bytes, filename=self._begun.name, mime_type=MIME, purpose=self._purpose
            )
        begun = Parts(id=self._id(made), size=size, expires_at=int(made.expires_at or 0))
        self._keep(parts=begun)
        return begun

    async def _send_parts(self, parts: Parts) -> None:
        """What has not arrived yet, each remembered as it does. A part that is sent twice is named only once."""
        content = self._content
        with _open(content.path) as file:
            for start in range(len(parts.done) * parts.size, content.bytes, parts.size):
                self._progress(start, content.bytes)
                data = await asyncio.to_thread(_read, file, start, parts.size)

                def on_its_way(done: int, start: int = start) -> None:
                    self._progress(start + done, content.bytes)

                with speaking(self._profile, self._what, self._client):
                    part = await self._client.uploads.parts.create(
                        parts.id, data=(self._begun.name, cast("IO[bytes]", Watched(io.BytesIO(data), on_its_way)))
                    )
                parts = parts.model_copy(update={"done": (*parts.done, self._id(part))})
                self._keep(parts=parts)

    async def _trying(self, once: Callable[[], Awaitable[_There]]) -> _There:
        """Try until it is there; what may have arrived is looked for before it is tried again."""
        for delay in self._again_s:
            try:
                return await once()
            except ProviderError as error:
                if not error.passing or error.code == "offline":
                    raise
                await asyncio.sleep(delay if error.retry_after_s is None else error.retry_after_s)
                if error.ambiguous and (found := await self._arrived(error)):
                    return found
        try:
            return await once()
        except ProviderError as error:
            if error.ambiguous and (found := await self._arrived(error)):
                return found
            raise

    async def _arrived(self, error: ProviderError) -> _There | None:
        """The file that an ambiguous call may have left."""
        try:
            return await _listed(self._client, self._profile, self._begun, self._purpose)
        except ProviderError as unread:
            if not unread.passing:
                return None  # this provider lists no files
        raise ProviderError(
            error.what,
            f"{error.why}, and the provider's file list cannot be read",
            "it may have arrived: run it again later, and it is looked for before anything is sent",
            code="upload_unknown",
            ambiguous=True,
        )

    def _unchanged(self, sha256: str) -> None:
        if sha256 != self._content.sha256:
            hint = "wait until nobody writes it, and try again"
            raise WorkbenchError(str(self._content.path), "was changed while it was uploaded", hint, code="changed")

    def _file(self, found: Any) -> _There:
        self._id(found)
        return _there(found)

    def _id(self, found: Any) -> str:
        file_id = getattr(found, "id", None)
        if not isinstance(file_id, str) or not file_id:
            raise strange(self._profile, self._what)
        return file_id


class Watched(io.BufferedIOBase):
    """A file that tells how much of it was read, and what that was."""

    def __init__(self, file: BinaryIO | io.BufferedIOBase, told: Callable[[int], None]) -> None:
        self._file = file
        self._told = told
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of everything that was read since the start."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is: who sends it again begins anew."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(-1 if size is None else size)
        self._hash.update(data)
        self._told(self._file.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go there; at the start everything counts anew."""
        place = self._file.seek(offset, whence)
        if place == 0:
            self._hash = hashlib.sha256()
        return place

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()


def _look(path: Path) -> _Content:
    """Size, hashes and the name under which it is sent. Providers tell a file's format by the end of its name."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with _open(path) as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
        size = file.tell()
    digest = sha256.hexdigest()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem)[:_STEM].strip("-.")
    known_by_hash = not stem or digest.startswith(stem[:12])  # bytes that an earlier job kept have no other name
    name = digest[:12] if known_by_hash else f"{stem}-{digest[:12]}"
    return _Content(path, f"{name}{path.suffix or '.jsonl'}", size, digest, md5.hexdigest())


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        why = "is a folder, not a file" if path.is_dir() else (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), why, "name a JSONL file", code="unreadable") from None
    with file:
        if not os.fstat(file.fileno()).st_size:
            raise WorkbenchError(str(path), "is empty", "a training file needs records", code="empty_file")
        yield file


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)
