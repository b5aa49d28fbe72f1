"""Files of a recording: sent whole or in parts, found again, read back."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from workbench.providers import files, stored
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.profiles import Profile
from workbench.providers.recordings import recording
from workbench.providers.sent import SentFiles
from workbench.providers.uploads import upload

LINES = '{"messages": []}\n' * 12


def of(name: str, **able: object) -> Profile:
    return Profile(name="demo", kind=recording(name)["kind"], replay=name, settings={"capabilities": able})


@pytest.mark.parametrize("name", ["openai", "azure"])
async def test_a_file_is_sent_once_and_read_back_also_by_another_process(name: str, tmp_path: Path) -> None:
    path, state, sent = tmp_path / "train.jsonl", tmp_path / "state.json", SentFiles(tmp_path / "sent")
    path.write_text(LINES)
    async with await connect(of(name), environ={}, replay_state=state) as client:
        first = await upload(client, path, profile=of(name), sent=sent)
    async with await connect(of(name), environ={}, replay_state=state) as client:
        again = await upload(client, path, profile=of(name), sent=sent)
        assert (again.id, again.reused) == (first.id, True)
        (there,) = [one for one in await stored.list_files(client, of(name)) if one.id == first.id]
        assert (there.size, there.purpose) == (len(LINES), "fine-tune") and there.name.startswith("train-")
        assert await files.download(client, first.id, profile=of(name)) == LINES.encode()
        with pytest.raises(ProviderError, match="No such File object"):
            await files.download(client, "file-nobody", profile=of(name))


async def test_a_large_file_goes_in_parts_and_is_whole(tmp_path: Path) -> None:
    path, profile = tmp_path / "train.jsonl", of("openai", part_bytes=50)
    path.write_text(LINES)
    async with await connect(profile, environ={}) as client:
        sent = await upload(client, path, profile=profile)
        (there,) = [one for one in await stored.list_files(client, profile) if one.id == sent.id]
        assert there.size == len(LINES)


async def test_parts_that_do_not_add_up_are_refused_and_an_ended_upload_takes_no_more() -> None:
    async with await connect(of("openai"), environ={}) as client:
        begun = await client.uploads.create(bytes=4, filename="x.jsonl", mime_type="text/jsonl", purpose="fine-tune")
        one = await client.uploads.parts.create(begun.id, data=b"ab")
        with pytest.raises(openai.BadRequestError, match="hold 2 bytes, the upload was announced with 4"):
            await client.uploads.complete(begun.id, part_ids=[one.id])
        two = await client.uploads.parts.create(begun.id, data=b"cd")
        done = await client.uploads.complete(begun.id, part_ids=[one.id, two.id])
        assert done.status == "completed" and done.file is not None and done.file.bytes == 4
        with pytest.raises(openai.BadRequestError, match="is not pending"):
            await client.uploads.cancel(begun.id)
        with pytest.raises(openai.NotFoundError):
            await client.uploads.parts.create("upload_nobody", data=b"x")
    async with await connect(of("azure"), environ={}) as client:
        with pytest.raises(openai.BadRequestError, match="does not hold this call"):
            await client.uploads.create(bytes=4, filename="x", mime_type="text/jsonl", purpose="fine-tune")
