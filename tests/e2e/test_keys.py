"""A key never appears: not in a file, a log, a trace, on the screen or in an answer, whichever way it came."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workbench.testing.fake_provider import FakeProvider

pytestmark = pytest.mark.timeout(300)

KEY = "Zq9plantedKEYxW7f3a91c4e2b8d605"
"""Looks like nobody's key: only who knows that it is one can keep it back."""
MODEL = "gpt-4.1-mini-2025-04-14"
NOWHERE = "http://127.0.0.1:9/v1"


@dataclass
class Planted:
    """A workspace, an environment with the key in it, and everything that was said."""

    folder: Path
    environ: dict[str, str]
    said: list[tuple[str, bytes]] = field(default_factory=list)
    """What ran, and its output."""

    def ftwb(self, *arguments: str, **environ: str) -> int:
        """Run a command in a process of its own, its input closed."""
        return self.python("-m", "workbench.cli", *arguments, **environ)

    def python(self, *arguments: str, **environ: str) -> int:
        """Run anything; returns its exit status."""
        ran = subprocess.run(
            [sys.executable, *arguments], env=self.environ | environ, cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        self.said.append((" ".join(arguments), ran.stdout + ran.stderr))
        return ran.returncode

    def leaks(self, *but: Path) -> list[str]:
        """Where the key is, as it is or as base64; `but` are files that the person wrote it into themselves."""
        wanted = (KEY.encode(), base64.b64encode(KEY.encode()).rstrip(b"="))
        found = [f"output of {name}" for name, text in self.said if any(one in text for one in wanted)]
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in but and any(one in path.read_bytes() for one in wanted):
                found.append(str(path.relative_to(self.folder)))
        return found


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Nothing of it is anybody else's; temporary files are here too."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    (tmp_path / "tmp").mkdir()
    said = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]
    (tmp_path / "train.jsonl").write_text((json.dumps({"messages": said}) + "\n") * 12)
    own = {"FTWB_HOME": str(tmp_path / "home"), "FTWB_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "tmp")}
    return Planted(tmp_path, kept | own | {"TERM": "xterm-256color", "XDG_CACHE_HOME": str(tmp_path / "xdg")})


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """One that takes the key and trains."""
    with FakeProvider(api_key=KEY, models=(MODEL,)) as provider:
        yield provider


def echo(provider: FakeProvider, path: str, status: int, times: int = 100) -> None:
    """Answers that repeat the key, as providers and proxies do."""
    said = f"Incorrect API key provided: {KEY}. Header was Authorization: Bearer {KEY}"
    provider.fail(
        path, status=status, times=times, body={"error": {"message": said, "code": f"bad {KEY}", "param": KEY}}
    )


def everything(planted: Planted, profile: str) -> list[int]:
    """The commands that reach a provider; `--debug` shows the trace of what fails."""
    train = str(planted.folder / "train.jsonl")
    create = ["job", "create", "--profile", profile, "--model", MODEL, "--train", train, "--yes"]
    return [
        planted.ftwb(*create, "--debug"),
        planted.ftwb("job", "list", "--json", "--debug"),
        planted.ftwb("model", "list", "--profile", profile, "--debug"),
        planted.ftwb("chat", "--model", f"{profile}/{MODEL}", "--json", "--debug", "hello"),
        planted.ftwb("profile", "test", profile, "--debug"),
    ]


def test_a_key_of_the_environment(planted: Planted, provider: FakeProvider) -> None:
    """Where all goes well, where the key is refused with itself in the answer, and where nobody answers."""
    planted.environ |= provider.environ
    assert everything(planted, "openai") == [0, 0, 0, 0, 0]
    planted.ftwb("job", "show", provider.jobs[0]["id"], "--json")
    planted.ftwb("job", "events", provider.jobs[0]["id"])
    planted.ftwb("doctor", "--json")
    planted.ftwb("config", "list", "--json")
    planted.ftwb("profile", "list", "--json")
    assert planted.leaks() == []
    for path in ("/jobs", "/models", "/completions", "/files"):
        echo(provider, path, 401)
    assert any(everything(planted, "openai"))
    assert b"***" in b"".join(text for _, text in planted.said), "the provider's words are shown, without the key"
    planted.environ["OPENAI_BASE_URL"] = NOWHERE
    assert any(everything(planted, "openai"))
    assert planted.leaks() == []


@pytest.mark.slow
def test_a_key_of_a_command(planted: Planted, provider: FakeProvider) -> None:
    """What it prints is the key, also where it fails half-way; what it says on stderr is nobody's business."""
    source = planted.folder / "secret.txt"
    source.write_text(KEY)
    for name, command in (("good", f"cat {source}"), ("bad", f"sh -c 'cat {source}; cat {source} >&2; exit 3'")):
        added = planted.ftwb(
            "profile", "add", name, "--kind", "openai", "--url", provider.base_url, "--key-command", command
        )
        assert added == 0
    assert everything(planted, "good") == [0, 0, 0, 0, 0]
    assert any(everything(planted, "bad"))
    echo(provider, "/models", 500)
    everything(planted, "good")
    assert planted.leaks(source) == []


@pytest.mark.slow
def test_a_key_with_a_line_end_or_a_letter_that_cannot_be_sent(planted: Planted, provider: FakeProvider) -> None:
    """An HTTP library would repeat such a header in its complaint."""
    for key in (f"{KEY}\n", f"{KEY} {KEY}", f"{KEY}é"):
        planted.environ |= provider.environ | {"OPENAI_API_KEY": key}
        everything(planted, "openai")
    assert planted.leaks() == []


@pytest.mark.slow
def test_azures_key(planted: Planted) -> None:
    """With its own header and its own errors."""
    with FakeProvider(api_key=KEY, models=(MODEL,), flavour="azure") as azure:
        planted.environ |= azure.environ
        assert everything(planted, "azure")[0] == 0
        echo(azure, "/models", 403)
        echo(azure, "/jobs", 400)
        everything(planted, "azure")
        planted.ftwb("cleanup", "--debug")
        planted.ftwb("rescue", "--profile", "azure", "--json", "--debug")
    assert planted.leaks() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", ["http://me:{key}@{host}/v1", "http://{key}@{host}/v1", "http://{host}/v1?api-key={key}"]
)
def test_a_key_inside_an_address(planted: Planted, provider: FakeProvider, shape: str) -> None:
    """Somebody put it into the environment, or wrote it into config.toml: it stays there."""
    host = provider.endpoint.removeprefix("http://")
    for place in (host, "127.0.0.1:9"):
        address = shape.format(key=KEY, host=place)
        planted.environ |= {"OPENAI_API_KEY": "another-key-0123456789", "OPENAI_BASE_URL": address}
        everything(planted, "openai")
        planted.ftwb("profile", "list", "--json")
        planted.ftwb("doctor", "--json")
    planted.ftwb("profile", "add", "mine", "--url", shape.format(key=KEY, host=host), "--debug")
    planted.ftwb("config", "set", "profiles.mine.base_url", shape.format(key=KEY, host=host), "--debug")
    assert planted.leaks() == [], "a command that is given one keeps it neither"
    config = planted.folder / "home" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(f'[profiles.mine]\nkind = "openai"\nbase_url = "{shape.format(key=KEY, host=host)}"\n'
                      'api_key_env = "OPENAI_API_KEY"\n')  # fmt: skip
    everything(planted, "mine")
    planted.ftwb("profile", "list", "--json")
    planted.ftwb("config", "list", "--json")
    planted.ftwb("config", "get", "profiles.mine.base_url")
    assert planted.leaks(config) == []


@pytest.mark.slow
def test_the_key_of_the_server_and_a_token_of_the_hub(planted: Planted) -> None:
    """The engine that serves with it, its log, and what it tells a stranger; a model that cannot be fetched."""
    planted.environ |= {"FTWB_API_KEY": KEY, "HF_TOKEN": KEY, "HF_ENDPOINT": "http://127.0.0.1:9"}
    try:
        assert planted.ftwb("serve", "--port", "0", "--json") == 0
        url = json.loads(planted.said[-1][1])["base_url"]
        for key in (KEY, "wrong"):
            request = urllib.request.Request(f"{url}/models", headers={"Authorization": f"Bearer {key}"})
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    planted.said.append(("models", answer.read()))
            except urllib.error.HTTPError as error:
                planted.said.append(("refused", error.read()))
        planted.ftwb("model", "pull", "nobody/nothing", "--debug")
        planted.ftwb("engine", "status", "--json")
        planted.ftwb("serve", "--port", "99999", "--debug")
        planted.ftwb("doctor")
    finally:
        planted.ftwb("engine", "stop")
    assert any(name == "refused" for name, _ in planted.said)
    assert (planted.folder / "home" / "engine" / "engine.log").is_file()
    assert planted.leaks() == []


SHOTS = """
import asyncio, sys
from pathlib import Path
from workbench.app import WorkbenchApp
from workbench.testing import wait_idle
from workbench.workflow.context import open_context
from workbench.workflow.project import new_project

async def main():
    context = open_context()
    app = WorkbenchApp(context, new_project(context, "shots", "tickets"), "jobs")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        for keys in (["r"], ["i"], ["escape", "f1"], ["escape", "f3"], ["enter"], ["escape", "escape", "4", "w"]):
            await pilot.press(*keys)
            await wait_idle(pilot)
            number = len(list(Path("shots").glob("*.svg")))
            Path(f"shots/{number}.svg").write_text(app.export_screenshot())
asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["answer", "address"])
def test_pictures_of_the_app(planted: Planted, provider: FakeProvider, way: str) -> None:
    """The Jobs screen with its troubles, help and profiles: neither the key nor an address that holds it."""
    planted.environ |= provider.environ
    assert everything(planted, "openai")[0] == 0
    if way == "answer":
        echo(provider, f"/jobs/{provider.jobs[0]['id']}", 500)
        echo(provider, "/jobs", 401)
    else:
        host = provider.endpoint.removeprefix("http://")
        planted.environ["OPENAI_BASE_URL"] = f"http://me:{KEY}@{host}/v1?api-key={KEY}"
    (planted.folder / "shots").mkdir()
    assert planted.python("-c", SHOTS) == 0, planted.said[-1][1][-2000:]
    assert len(list((planted.folder / "shots").glob("*.svg"))) == 6
    assert planted.leaks() == []
