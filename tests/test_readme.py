"""What the README promises."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.actions import key_table
from workbench.dataset.rules.table import rule_table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_key_table_is_that_of_the_registry() -> None:
    """To renew it: `python -c "from workbench.actions import key_table; print(key_table())"`."""
    assert key_table().strip() in README


def test_the_rules_are_those_of_the_registry() -> None:
    """To renew it: `python -c "from workbench.dataset.rules.table import rule_table; print(rule_table())"`."""
    assert f"<!-- rules -->\n{rule_table()}<!-- end of rules -->" in README


def test_the_test_command_can_be_found_by_ci() -> None:
    """`.ci/run` runs exactly the block behind this mark."""
    block = re.search(r"<!-- test-command -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert block is not None
    assert "pip install" in block[1] and "model pull starter" in block[1] and "pytest" in block[1]


def test_the_picture_is_there() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / path).is_file(), path


def test_no_package_index_host_is_named() -> None:
    """Whatever index is configured is the right one."""
    root = Path(__file__).parent.parent
    for name in ("README.md", "constraints.txt", "pyproject.toml", ".ci/run"):
        text = (root / name).read_text(encoding="utf-8")
        assert not re.search(r"pypi\.org|pythonhosted|download\.pytorch", text), name
