"""The engine's client side, with real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.providers import local
from workbench.providers.chat import complete
from workbench.providers.client import connect
from workbench.providers.engine_status import boot_id
from workbench.providers.errors import ProviderError
from workbench.providers.local import EngineError, LocalEngine
from workbench.providers.models import list_models
from workbench.providers.profiles import built_in

FAKE = Path(__file__).with_name("fake_engine.py")
LOCAL = built_in()["local"]
Make = Callable[..., LocalEngine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Engines of one workspace; whatever they started is killed in the end."""

    def make(timeout_s: float = 30, **environ: str) -> LocalEngine:
        everything = {**os.environ, "OPENAI_API_KEY": "sk-not-for-children", **environ}
        command = [sys.executable, str(FAKE)]
        return LocalEngine(
            tmp_path / "w",
            tmp_path / "c",
            environ=everything,
            command=command,
            start_timeout_s=timeout_s,
            answer_timeout_s=timeout_s / 2,
        )

    yield make
    for pid in starts(tmp_path / "w"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def starts(home: Path) -> list[int]:
    path = home / "engine" / "starts"
    return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []


def wait_until_gone(pid: int) -> None:
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)


async def test_an_engine_is_started_asked_used_and_stopped(make: Make, tmp_path: Path) -> None:
    engine = make()
    assert engine.status().status == "stopped"
    await engine.stop()
    assert not (tmp_path / "w").exists(), "asking and stopping start nothing"
    status = await engine.ensure()
    assert (status.status, status.version, status.protocol, status.host) == (
        "running",
        __version__,
        1,
        socket.gethostname(),
    )
    assert status.pid == starts(tmp_path / "w")[0]
    assert status.jobs == {"running": 0, "queued": 0}
    assert os.getsid(status.pid) == status.pid, "a session of its own: closing the terminal does not reach it"
    assert psutil.Process(status.pid).cwd() == str(engine.folder)
    assert "[]" in (engine.folder / "starts").read_text(), "it is given no provider's key"
    async with await connect(LOCAL, engine=engine, strict=True) as client:
        assert "starter" in [model.id for model in await list_models(client, LOCAL)]
        reply = await complete(client, "starter", [{"role": "user", "content": "hello"}])
        assert reply.text == "hello"
    assert await engine.call("GET", "log", params={"job": "x"}) == "step 1\n"
    await engine.stop("pause")
    assert (engine.folder / "stopped-with").read_text() == "pause"
    assert engine.status().status == "stopped"
    assert len(starts(tmp_path / "w")) == 1
    for path in (engine.folder, engine.log):
        assert path.stat().st_mode & 0o077 == 0


async def test_pull_tells_its_progress_and_its_failure(make: Make) -> None:
    engine = make()
    lines = [line async for line in engine.stream_call("POST", "pull", {"model": "starter"})]
    assert [line["phase"] for line in lines] == ["download"] * 3 + ["ready"]
    with pytest.raises(EngineError, match="model 'nope': is not known; try starter") as caught:
        [line async for line in engine.stream_call("POST", "pull", {"model": "nope"})]
    assert (caught.value.code, caught.value.what) == ("model_not_found", "model 'nope'")


async def test_the_engine_s_error_arrives_as_it_was_raised(make: Make) -> None:
    with pytest.raises(EngineError) as caught:
        await make().call("GET", "methods")
    error = caught.value
    assert (error.what, error.why, error.hint, error.code) == ("trainer", "cannot be asked", "check it", "probe")
    with pytest.raises(EngineError, match="HTTP status 404"):
        await make().call("GET", "nothing")


async def test_an_engine_that_ends_at_its_start_is_said_with_its_last_words(make: Make) -> None:
    with pytest.raises(EngineError, match=r"ended with status 5.*No module named 'xllamacpp'.*engine\.log says more"):
        await make(FAKE_ENGINE_CRASH="1").ensure()


async def test_an_engine_that_does_not_answer_is_said_and_not_joined_by_a_second(make: Make, tmp_path: Path) -> None:
    """Its process lives (here: this one), its socket takes connections, and nothing comes back."""
    engine = make(timeout_s=0.1)
    me = psutil.Process()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        here = {"host": socket.gethostname(), "boot_id": boot_id(), "pid": me.pid, "start": me.create_time()}
        write_lock(engine, **here, socket=str(tmp_path / "s"))
        (engine.folder / "key").write_text("k")
        assert engine.status().status == "silent"
        with pytest.raises(EngineError, match="does not answer"):
            await engine.ensure()
        with pytest.raises(EngineError, match=r"does not answer.*`kill \d+` stops it"):
            await engine.stop()
    assert starts(tmp_path / "w") == []


async def test_an_engine_of_another_version_is_replaced_and_its_jobs_run_on(make: Make, tmp_path: Path) -> None:
    old = make(FAKE_ENGINE_VERSION="0.0.9")
    with contextlib.suppress(EngineError):
        await old.ensure()
    assert old.status().version == "0.0.9"
    status = await make().ensure()
    assert status.version == __version__
    assert (old.folder / "stopped-with").read_text() == "keep"
    assert len(starts(tmp_path / "w")) == 2


async def test_two_processes_and_many_tasks_start_one_engine(make: Make, tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from workbench.providers.local import LocalEngine\n"
        f"engine = LocalEngine(Path({str(tmp_path / 'w')!r}), Path('c'), command=[sys.executable, {str(FAKE)!r}])\n"
        "async def main():\n"
        "    found = await asyncio.gather(*[engine.ensure() for _ in range(3)])\n"
        "    print({status.pid for status in found})\n"
        "asyncio.run(main())"
    )
    others = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE) for _ in "ab"]
    found = await asyncio.gather(*[make().ensure() for _ in range(3)])
    said = [(await other.communicate())[0].decode() for other in others]
    assert len(starts(tmp_path / "w")) == 1
    assert {out.strip() for out in said} == {str({found[0].pid})}


async def test_a_killed_engine_is_started_again_by_the_next_request(make: Make, tmp_path: Path) -> None:
    engine = make()
    status = await engine.ensure()
    async with await connect(LOCAL, engine=engine) as client:
        os.kill(status.pid or 0, signal.SIGKILL)
        wait_until_gone(status.pid or 0)
        assert engine.status().status == "stale"
        assert await list_models(client, LOCAL)
        assert len(starts(tmp_path / "w")) == 2


async def test_an_engine_that_was_stopped_stays_stopped_while_somebody_only_watches(make: Make, tmp_path: Path) -> None:
    engine = make()
    async with await connect(LOCAL, engine=engine) as client:
        await engine.stop()
        with pytest.raises(ProviderError, match="the engine is not running; `ftwb engine start`") as caught:
            await list_models(client, LOCAL)
        assert caught.value.passing
        assert len(starts(tmp_path / "w")) == 1
        assert (await complete(client, "starter", [{"role": "user", "content": "hello"}])).text == "hello"
        assert len(starts(tmp_path / "w")) == 2


def write_lock(engine: LocalEngine, **more: Any) -> None:
    engine.folder.mkdir(parents=True, exist_ok=True)
    record = {
        "host": "node7",
        "boot_id": "b",
        "pid": 41,
        "start": 1.0,
        "heartbeat": time.time(),
        "socket": "/s",
        "version": "1",
    }
    (engine.folder / "lock").write_text(json.dumps({**record, "protocol": 1, **more}))


async def test_another_host_s_engine_is_named_and_left_alone(make: Make, tmp_path: Path) -> None:
    engine = make()
    write_lock(engine)
    assert (engine.status().status, engine.status().host) == ("other-host", "node7")
    for attempt in (engine.ensure, engine.stop):
        with pytest.raises(EngineError, match=r"runs on host node7 \(pid 41\); work there") as caught:
            await attempt()
        assert caught.value.code == "engine_elsewhere"
    write_lock(engine, heartbeat=time.time() - 7200)
    with pytest.raises(EngineError, match=r"last heard of 120 minutes ago.*--take-over"):
        await engine.ensure()
    assert starts(tmp_path / "w") == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}'])
async def test_a_torn_lock_is_no_engine(make: Make, content: str) -> None:
    engine = make()
    write_lock(engine)
    (engine.folder / "lock").write_text(content)
    assert engine.status().status == "stopped"


def test_a_lock_of_this_machine_s_dead_process_is_stale(make: Make) -> None:
    engine = make()
    write_lock(engine, host=socket.gethostname(), boot_id="an earlier boot")
    assert engine.status().status == "stale"
    write_lock(engine, host=socket.gethostname(), boot_id=boot_id(), pid=os.getpid(), start=1.0)
    assert engine.status().status == "stale", "this pid, but another process"


@pytest.mark.parametrize("name", [".starting", "engine.log"])
async def test_a_folder_that_cannot_be_written_is_a_sentence(make: Make, name: str) -> None:
    """The folder is there, from a time when the disk was writable."""
    engine = make()
    (engine.folder / name).mkdir(parents=True)  # what nobody can open for writing, root included
    with pytest.raises(WorkbenchError, match="cannot be written") as caught:
        await engine.ensure()
    assert "--workspace" in caught.value.hint


async def test_a_missing_extra_is_said_with_the_way_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_SERVER_PACKAGES", ("no_such_package_here",))
    with pytest.raises(WorkbenchError, match=r"pip install 'ftwb\[local\]'"):
        await LocalEngine(tmp_path / "w", tmp_path / "c").ensure()
    assert not (tmp_path / "w").exists()


async def test_the_real_engine_starts_answers_and_stops(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "w", tmp_path / "c")
    try:
        status = await engine.ensure()
        assert (status.status, status.version) == ("running", __version__)
        async with await connect(LOCAL, engine=engine, strict=True) as client:
            assert isinstance(await list_models(client, LOCAL), list)
    finally:
        await engine.stop("cancel")
    assert engine.status().status == "stopped"
