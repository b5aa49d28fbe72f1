"""Profiles: where an API is and where its key comes from; a key is never shown."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError, scrub
from workbench.providers.jobs import list_jobs
from workbench.providers.models import list_models
from workbench.providers.profiles import Profile, api_key, base_url, built_in, missing
from workbench.testing.fake_provider import FakeProvider

OPENAI, AZURE = built_in()["openai"], built_in()["azure"]


@pytest.mark.parametrize(
    ("profile", "environ", "lack"),
    [
        (OPENAI, {}, "profile openai needs OPENAI_API_KEY"),
        (OPENAI, {"OPENAI_API_KEY": "k"}, None),
        (AZURE, {}, "profile azure needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"),
        (AZURE, {"AZURE_OPENAI_ENDPOINT": "https://x"}, "profile azure needs AZURE_OPENAI_API_KEY"),
        (Profile(name="n"), {}, "profile n needs an address"),
        (
            Profile(name="n", base_url="example.com/v1"),
            {},
            "profile n has an address that does not start with https:// or http://",
        ),
        (Profile(name="n", base_url="https://x/v1", api_key_env="K"), {}, "profile n needs K"),
        (Profile(name="n", base_url="https://x/v1", api_key_command="pass n"), {}, None),
    ],
)
def test_what_a_profile_lacks_is_one_sentence(profile: Profile, environ: dict[str, str], lack: str | None) -> None:
    assert missing(profile, environ) == lack


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/"),
        ("https://r.openai.azure.com/", "https://r.openai.azure.com/openai/v1/"),
        ("https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com/openai/v1/"),
    ],
)
def test_azure_is_reached_by_its_v1_route(endpoint: str, url: str) -> None:
    assert base_url(AZURE, {"AZURE_OPENAI_ENDPOINT": endpoint}) == url


async def test_an_incomplete_profile_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(WorkbenchError, match="profile azure: needs AZURE_OPENAI_ENDPOINT") as caught:
        await connect(AZURE, environ={})
    assert caught.value.exit_code == 2
    assert caught.value.hint == "set it in the environment, or change the profile with `ftwb profile edit azure`"


async def test_the_client_goes_where_the_environment_says_with_the_right_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-elses")
    with FakeProvider() as provider, FakeProvider(flavour="azure") as azure:
        other = Profile(name="other", base_url=provider.base_url, api_key_env="K")
        for profile, environ in (
            (OPENAI, provider.environ),
            (AZURE, azure.environ),
            (other, {"K": provider.api_key or ""}),
        ):
            async with await connect(profile, environ=environ) as client:
                await list_models(client, profile)
                await client.with_options(max_retries=0).models.list()
        assert [r.headers.get("openai-organization") for r in provider.requests] == ["org-mine", "org-mine", None, None]
        assert [r.headers.get("openai-organization") for r in azure.requests] == [None, None]
        assert {r.path for r in azure.requests} == {"/openai/v1/models"}


def command(*words: str) -> Profile:
    return Profile(name="n", base_url="https://x/v1", api_key_command=" ".join((sys.executable, *words)))


def test_a_key_comes_from_a_command(tmp_path: Path) -> None:
    script = tmp_path / "give.py"
    script.write_text("print('key-from-command'); print('more')")
    assert api_key(command(str(script)), {}) == "key-from-command"
    both = command(str(script)).model_copy(update={"api_key_env": "K"})
    assert api_key(both, {"K": " from-env\n"}) == "from-env", "the environment first, without its newline"
    assert api_key(both, {}) == "key-from-command"
    assert api_key(Profile(name="n", base_url="http://127.0.0.1/v1"), {}) == "none"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; print('top-secret'); print('top-secret', file=sys.stderr); sys.exit(3)", "ended with status 3"),
        ("pass", "gives no key"),
        ("print('top secret')", "cannot be sent"),
        ("print('top-secret\\u00e9')", "cannot be sent"),
    ],
)
def test_a_key_command_that_fails_is_said_without_what_it_printed(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "give.py"
    path.write_text(script)
    with pytest.raises(WorkbenchError, match=said) as caught:
        api_key(command(str(path)), {"PYTHONIOENCODING": "utf-8"})
    assert "top" not in "".join(traceback.format_exception(caught.value))


def test_a_key_command_that_is_not_there_is_said() -> None:
    with pytest.raises(WorkbenchError, match="cannot run"):
        api_key(Profile(name="n", base_url="https://x/v1", api_key_command="/no/such/thing"), {})


async def test_a_key_reaches_no_log_no_repr_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    key = "sk-proj-VerySecret-0123456789"
    caplog.set_level(logging.DEBUG)
    with FakeProvider(api_key="another") as provider:
        environ = {**provider.environ, "OPENAI_API_KEY": key}
        echo: Any = {
            "error": {"message": f"Incorrect API key provided: {key}. Header: Bearer {key}", "code": "invalid_api_key"}
        }
        provider.fail("/fine_tuning/jobs", status=401, body=echo)
        async with await connect(OPENAI, environ=environ) as client:
            told = [repr(client), str(client)]
            for _ in range(2):
                with pytest.raises(ProviderError, match="check OPENAI_API_KEY") as caught:
                    await list_jobs(client, OPENAI)
                told += [repr(caught.value), str(caught.value), "".join(traceback.format_exception(caught.value))]
    assert key not in "\n".join([*told, caplog.text, repr(OPENAI), OPENAI.model_dump_json()])
    assert caplog.text, "there was something to look through"


def test_scrubbing_leaves_words_alone() -> None:
    assert scrub("risk-free  sk-abcdefgh\n and Bearer xyz", ("abcd",)) == "risk-free *** and ***"
    assert len(scrub("x" * 5000)) == 400


async def test_a_server_that_is_not_there_is_said(profile: Profile) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "k" * 20}
    async with await connect(profile, environ=environ) as client:
        with pytest.raises(ProviderError, match=r"no connection at 127\.0\.0\.1") as caught:
            await list_jobs(client.with_options(max_retries=0), profile)
    assert caught.value.passing
    assert not caught.value.ambiguous


def test_the_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, pkgutil, importlib, workbench.providers as room\n"
        "names = [module.name for module in pkgutil.iter_modules(room.__path__)]\n"
        "for name in names: importlib.import_module(f'workbench.providers.{name}')\n"
        "print([m for m in ('textual', 'torch', 'openai', 'datasets', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"
