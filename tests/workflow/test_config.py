"""Settings: every key that can be set is read by something, and no other can."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.workflow.config import Config, settable_keys, with_value


def test_a_preference_is_set_and_listed() -> None:
    config = with_value(Config(), "preferences.theme", "ftwb-light")
    assert settable_keys(config)["preferences.theme"] == "ftwb-light"


def test_a_profile_is_made_by_setting_its_keys() -> None:
    config = with_value(Config(), "profiles.lab.kind", "compatible")
    config = with_value(config, "profiles.lab.base_url", "http://gpu.example/v1")
    assert config.profiles["lab"].name == "lab"
    assert config.profiles["lab"].base_url == "http://gpu.example/v1"


@pytest.mark.parametrize(
    "key", ["theme", "preferences.colour", "preferences", "profiles.lab", "profiles.lab.secret", "x.y"]
)
def test_a_key_that_nothing_reads_is_refused(key: str) -> None:
    with pytest.raises(WorkbenchError, match="is not a setting"):
        with_value(Config(), key, "1")


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="does not take"):
        with_value(Config(), "preferences.low_bandwidth", {"a": 1})


def test_a_profile_table_need_not_repeat_its_name() -> None:
    config = Config.model_validate({"profiles": {"lab": {"kind": "compatible", "base_url": "http://x/v1"}}})
    assert config.profiles["lab"].name == "lab"


@pytest.mark.parametrize("key", ["profiles.My_Lab.kind", "profiles.lab.name", "profiles.lab.base_url.x", "keymap."])
def test_a_key_that_would_break_something_is_refused(key: str) -> None:
    """A candidate could not spell such a profile; a second name would split its history."""
    config = with_value(Config(), "profiles.lab.base_url", "http://x/v1")
    with pytest.raises(WorkbenchError, match="is not a setting"):
        with_value(config, key, "x")


def test_a_profile_out_of_the_box_keeps_what_is_not_said() -> None:
    """Another interpreter for training does not make the local engine a compatible server."""
    config = with_value(Config(), "profiles.local.trainer_python", "/opt/venv/bin/python")
    assert (config.profiles["local"].kind, config.profiles["local"].name) == ("local", "local")
    config = with_value(config, "profiles.openai.base_url", "http://proxy/v1")
    assert (config.profiles["openai"].kind, config.profiles["openai"].api_key_env) == ("openai", "OPENAI_API_KEY")


def test_an_actions_keys_are_set_by_its_whole_id() -> None:
    config = with_value(Config(), "keymap.datasets.next-file", "x")
    assert config.keymap == {"datasets.next-file": "x"}
    assert settable_keys(config)["keymap.datasets.next-file"] == "x"
