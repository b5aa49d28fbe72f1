"""Uploads over real HTTP: streamed, in parts, gone on with after a kill, and never twice."""

from __future__ import annotations

import asyncio
import hashlib
import io
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.errors import WorkbenchError
from workbench.providers import uploads
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.jobs import create_job, list_jobs
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest
from workbench.providers.sent import SentFiles
from workbench.providers.uploads import upload
from workbench.testing.fake_provider import FakeProvider

if TYPE_CHECKING:
    import openai

NOW = (0.0, 0.0)
PART = 1000
LARGE = bytes(range(250)) * 18
"""Four parts and a half."""


@pytest.fixture
def sent(tmp_path: Path) -> SentFiles:
    return SentFiles(tmp_path / "sent")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large file.jsonl"
    path.write_bytes(LARGE)
    return path


@pytest.fixture
def in_parts(profile: Profile) -> Profile:
    """Everything over a thousand bytes goes in parts."""
    return profile.model_copy(update={"settings": {"capabilities": {"part_bytes": PART}}})


@pytest.fixture
async def plain_client(provider: FakeProvider, profile: Profile) -> AsyncIterator[openai.AsyncOpenAI]:
    """Repeats nothing by itself, so that a test says what is repeated."""
    async with await connect(profile, environ=provider.environ) as client:
        yield client.with_options(max_retries=0)


def posts(provider: FakeProvider, end: str) -> int:
    return sum(request.method == "POST" and request.path.endswith(end) for request in provider.requests)


def names(provider: FakeProvider) -> list[str]:
    return [file["filename"] for file in provider._files.files.values()]


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def killed_when(arguments: list[str], condition: Callable[[], bool]) -> None:
    """Another process uploads and is killed with -9 as soon as the condition holds."""
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), *arguments])
    try:
        wait_for(lambda: process.poll() is not None or condition())
        assert process.poll() is None, "it ended by itself"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


# Whole


async def test_azure_s_file_is_waited_for(
    azure: FakeProvider, azure_client: openai.AsyncOpenAI, request_for: JobRequest
) -> None:
    made = await upload(azure_client, request_for.training_file, profile=built_in()["azure"], poll_s=0.001)
    assert [r.path for r in azure.requests if r.method == "GET"] == [f"/openai/v1/files/{made.id}"]


async def test_a_file_is_read_from_the_disk_in_pieces_and_its_progress_told(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sizes: list[int] = []
    told: list[tuple[int, int]] = []

    class FakeFile(uploads.Watched):
        def read(self, size: int | None = -1, /) -> bytes:
            sizes.append(-1 if size is None else size)
            return super().read(size)

    request_for.training_file.write_bytes(b"x" * 1_000_000)
    monkeypatch.setattr(uploads, "Watched", FakeFile)
    path = request_for.training_file
    made = await upload(client, path, profile=profile, progress=lambda done, total: told.append((done, total)))
    assert provider.uploads[made.id] == b"x" * 1_000_000
    assert 0 < min(sizes) <= max(sizes) <= 1 << 17
    assert told[-1] == (1_000_000, 1_000_000)
    assert told == sorted(told) and len(told) > 5


@pytest.mark.parametrize(
    ("name", "said"), [("none.jsonl", "no such file"), ("", "is a folder"), ("empty.jsonl", "is empty")]
)
async def test_a_file_that_cannot_be_uploaded_is_named(
    client: openai.AsyncOpenAI, profile: Profile, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(WorkbenchError, match=said):
        await upload(client, tmp_path / name, profile=profile)


async def test_the_name_holds_a_piece_of_the_hash(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path, tmp_path: Path
) -> None:
    """Kept bytes of an earlier job, whose name is their hash, do not get it twice."""
    digest = hashlib.sha256(LARGE).hexdigest()
    kept = tmp_path / digest
    kept.write_bytes(LARGE)
    await upload(client, large, profile=profile)
    await upload(client, kept, profile=profile)
    assert names(provider) == [f"large-file-{digest[:12]}.jsonl", f"{digest[:12]}.jsonl"]


@pytest.mark.parametrize("trouble", ["drop", "fail"])
async def test_an_ambiguous_failure_leaves_no_second_file(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path, trouble: str
) -> None:
    if trouble == "drop":
        provider.drop("/files", method="POST", times=9)
    else:
        provider.fail("/files", method="POST", status=503, times=9, carried_out=True)
    made = await upload(client, large, profile=profile, again_s=NOW)
    assert list(provider.uploads) == [made.id]
    assert posts(provider, "/files") == 1


async def test_what_did_not_arrive_is_sent_again(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path
) -> None:
    provider.drop("/files", method="POST", times=2, carried_out=False)
    made = await upload(client, large, profile=profile, again_s=NOW)
    assert provider.uploads == {made.id: LARGE}
    assert posts(provider, "/files") == 3


async def test_where_the_list_cannot_be_read_nothing_is_sent_again_and_the_next_try_finds_it(
    provider: FakeProvider, plain_client: openai.AsyncOpenAI, profile: Profile, large: Path, sent: SentFiles
) -> None:
    provider.drop("/files", method="POST")
    provider.fail("/files", method="GET", status=503)
    with pytest.raises(ProviderError, match="may have arrived") as caught:
        await upload(plain_client, large, profile=profile, sent=sent, again_s=NOW)
    assert caught.value.code == "upload_unknown"
    made = await upload(plain_client, large, profile=profile, sent=sent, again_s=NOW)
    assert list(provider.uploads) == [made.id]
    assert posts(provider, "/files") == 1


async def test_a_file_that_is_written_meanwhile_is_said(
    client: openai.AsyncOpenAI, profile: Profile, large: Path
) -> None:
    def meddle(done: int, total: int) -> None:
        large.write_bytes(b"y" * total)

    write(large, b"x" * 3_000_000)
    with pytest.raises(WorkbenchError, match="was changed while it was uploaded"):
        await upload(client, large, profile=profile, progress=meddle)


async def test_a_file_over_the_profiles_limit_is_refused_before_it_is_sent(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path
) -> None:
    own = {"capabilities": {"file_bytes": 4000, "uploads": False}}
    with pytest.raises(WorkbenchError, match="and profile openai takes"):
        await upload(client, large, profile=profile.model_copy(update={"settings": own}))
    assert provider.requests == []


# Again


async def test_equal_content_that_is_still_there_is_used_again(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path, sent: SentFiles
) -> None:
    """Whatever the file is called; it is asked for, not trusted."""
    first = await upload(client, large, profile=profile, sent=sent)
    other = large.with_name("other.jsonl")
    other.write_bytes(LARGE)
    again = await upload(client, other, profile=profile, sent=SentFiles(sent._folder))
    assert (again.id, again.reused, first.reused) == (first.id, True, False)
    assert posts(provider, "/files") == 1
    assert provider.requests[-1].path.endswith(f"/files/{first.id}")
    write(large, LARGE + b"x")
    assert (await upload(client, large, profile=profile, sent=sent)).id != first.id


@pytest.mark.parametrize("change", ["deleted", "broken", "another purpose"])
async def test_a_file_that_is_not_there_or_not_usable_is_sent_anew(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path, sent: SentFiles, change: str
) -> None:
    first = await upload(client, large, profile=profile, sent=sent)
    match change:
        case "deleted":
            await client.files.delete(first.id)
        case "broken":
            provider._files.files[first.id]["status"] = "error"
        case _:
            provider._files.files[first.id]["purpose"] = "batch"
    again = await upload(client, large, profile=profile, sent=sent)
    assert again.id != first.id
    assert not again.reused


async def test_a_memory_that_cannot_be_read_is_no_harm(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, large: Path, sent: SentFiles
) -> None:
    await upload(client, large, profile=profile, sent=sent)
    (document,) = sent._folder.iterdir()
    document.write_text("{")
    await upload(client, large, profile=profile, sent=sent)
    assert posts(provider, "/files") == 2


async def test_a_reused_file_does_not_pass_an_older_job_off_as_ours(request_for: JobRequest, sent: SentFiles) -> None:
    """Where jobs keep no metadata the file named the job; of several jobs it names the one that was not there."""
    with FakeProvider() as provider:
        profile = Profile(name="nebius", base_url=provider.base_url, api_key_env="K")
        async with await connect(profile, environ={"K": provider.api_key or ""}) as client:
            first = await create_job(client, profile, request_for, sent=sent)
            provider.fail("/fine_tuning/jobs", method="POST", status=503)
            with pytest.raises(ProviderError, match="nothing seems to have started"):
                await create_job(client, profile, request_for, sent=sent, look_up_s=NOW)
            provider.fail("/fine_tuning/jobs", method="POST", status=503, carried_out=True)
            second = await create_job(client, profile, request_for, sent=sent, look_up_s=NOW)
            assert second.id != first.id
            assert second.training_file == first.training_file
            assert len(await list_jobs(client, profile)) == 2


async def test_a_file_that_is_not_ready_is_waited_for(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    said = "File 'file-1' is still being processed and is not ready to be used for fine-tuning. Please try again later."
    error = {"message": said, "type": "invalid_request_error", "param": None, "code": None}
    provider.fail("/fine_tuning/jobs", method="POST", status=400, times=2, body={"error": error})
    job = await create_job(client, profile, request_for, not_ready_s=0.0)
    assert [made["id"] for made in provider.jobs] == [job.id]
    assert posts(provider, "/fine_tuning/jobs") == 3
    assert posts(provider, "/files") == 1


# In parts


async def test_a_large_file_goes_in_parts_with_its_checksum(
    provider: FakeProvider, client: openai.AsyncOpenAI, in_parts: Profile, large: Path
) -> None:
    told: list[int] = []
    made = await upload(client, large, profile=in_parts, progress=lambda done, _total: told.append(done))
    assert provider.uploads == {made.id: LARGE}
    assert posts(provider, "/parts") == 5
    (completed,) = (r.json for r in provider.requests if r.path.endswith("/complete"))
    assert completed["md5"] == hashlib.md5(LARGE).hexdigest()
    (begun,) = (r.json for r in provider.requests if r.path.endswith("/uploads"))
    assert begun == {
        "bytes": 4500, "filename": names(provider)[0], "mime_type": "text/jsonl", "purpose": "fine-tune"
    }  # fmt: skip
    assert told[-1] == 4500


async def test_a_part_that_breaks_is_sent_again_and_counted_once(
    provider: FakeProvider, client: openai.AsyncOpenAI, in_parts: Profile, large: Path
) -> None:
    """The connection breaks after the part arrived: it is there twice, and named once."""
    provider.fail("/parts", status=503, times=1, carried_out=True, headers={"retry-after-ms": "1"})
    made = await upload(client, large, profile=in_parts)
    assert provider.uploads == {made.id: LARGE}
    (under_way,) = provider.parts.uploads.values()
    assert len(under_way.parts) == 6


async def test_a_break_is_gone_on_with_after_a_restart(
    provider: FakeProvider, plain_client: openai.AsyncOpenAI, in_parts: Profile, large: Path, sent: SentFiles
) -> None:
    provider.stall("/parts", after=3)
    sending = asyncio.create_task(upload(plain_client, large, profile=in_parts, sent=sent))
    await asyncio.to_thread(wait_for, lambda: posts(provider, "/parts") >= 4)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    told: list[int] = []
    made = await upload(
        plain_client, large, profile=in_parts, sent=SentFiles(sent._folder),
        progress=lambda done, _total: told.append(done),
    )  # fmt: skip
    assert told[0] == 3 * PART, "it goes on where it stopped"
    assert posts(provider, "/parts") == 4 + 2
    assert posts(provider, "/uploads") == 1
    assert provider.uploads == {made.id: LARGE}


async def test_an_upload_that_the_provider_let_go_of_begins_anew(
    provider: FakeProvider, plain_client: openai.AsyncOpenAI, in_parts: Profile, large: Path, sent: SentFiles
) -> None:
    provider.fail("/parts", status=500)
    with pytest.raises(ProviderError):
        await upload(plain_client, large, profile=in_parts, sent=sent)
    provider.parts.expire()
    made = await upload(plain_client, large, profile=in_parts, sent=sent)
    assert posts(provider, "/uploads") == 2
    assert provider.uploads == {made.id: LARGE}


async def test_an_upload_that_ends_soon_is_not_gone_on_with(
    provider: FakeProvider, plain_client: openai.AsyncOpenAI, in_parts: Profile, large: Path, sent: SentFiles
) -> None:
    provider.parts.lifetime_s = 10
    provider.fail("/parts", status=500)
    with pytest.raises(ProviderError):
        await upload(plain_client, large, profile=in_parts, sent=sent)
    await upload(plain_client, large, profile=in_parts, sent=sent)
    assert posts(provider, "/uploads") == 2


async def test_completing_is_ambiguous_too(
    provider: FakeProvider, client: openai.AsyncOpenAI, in_parts: Profile, large: Path
) -> None:
    provider.drop("/complete", method="POST")
    made = await upload(client, large, profile=in_parts, again_s=NOW)
    assert list(provider.uploads) == [made.id]


async def test_parts_that_do_not_fit_are_refused_and_sent_anew_the_next_time(
    provider: FakeProvider, client: openai.AsyncOpenAI, in_parts: Profile, large: Path, sent: SentFiles
) -> None:
    provider.fail("/complete", status=400, body={"error": {"message": "The md5 checksum does not match."}})
    with pytest.raises(ProviderError, match="md5 checksum"):
        await upload(client, large, profile=in_parts, sent=sent)
    made = await upload(client, large, profile=in_parts, sent=sent)
    assert posts(provider, "/uploads") == 2
    assert provider.uploads == {made.id: LARGE}


KILLED = """
import asyncio, sys
from pathlib import Path
from workbench.providers.client import connect
from workbench.providers.profiles import built_in
from workbench.providers.sent import SentFiles
from workbench.providers.uploads import upload

url, path, memory, parts = sys.argv[1:]
own = {"capabilities": {"part_bytes": 1000, "uploads": parts == "yes"}}
profile = built_in()["openai"].model_copy(update={"settings": own})

async def main():
    environ = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-fake-key-0123456789"}
    async with await connect(profile, environ=environ) as client:
        await upload(client, Path(path), profile=profile, sent=SentFiles(Path(memory)))

asyncio.run(main())
"""


@pytest.mark.parametrize("whole", [False, True])
async def test_killed_in_the_middle_it_goes_on_and_nothing_is_there_twice(
    provider: FakeProvider, client: openai.AsyncOpenAI, in_parts: Profile, profile: Profile, large: Path,
    sent: SentFiles, whole: bool,
) -> None:  # fmt: skip
    """kill -9: of parts those that arrived are kept; a whole file that arrived unheard is found by its name."""
    if whole:
        provider.stall("/files", method="POST")
    else:
        provider.stall("/parts", after=2)
    arguments = [provider.base_url, str(large), str(sent._folder), "no" if whole else "yes"]
    await asyncio.to_thread(
        killed_when, arguments, lambda: posts(provider, "/files") >= 1 if whole else posts(provider, "/parts") >= 3
    )
    if whole:  # what the server had taken by then
        known = sent.recall(hashlib.sha256(LARGE).hexdigest())
        assert known is not None, "the try is on record before anything is sent"
        assert known.file_id is None
        provider._files.add(known.name, LARGE, "fine-tune")
        made = await upload(client, large, profile=profile, sent=sent)
        assert posts(provider, "/files") == 1
    else:
        made = await upload(client, large, profile=in_parts, sent=sent)
        assert posts(provider, "/parts") == 3 + 3
    assert list(provider.uploads) == [made.id]
    assert provider.uploads[made.id] == LARGE


def test_a_watched_file_that_is_sent_again_counts_anew() -> None:
    told: list[int] = []
    watched = uploads.Watched(io.BytesIO(b"abc"), told.append)
    assert watched.read() == b"abc"
    watched.seek(0)
    assert watched.read(2) + watched.read(5) == b"abc"
    assert watched.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert told == [3, 2, 3]
