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
