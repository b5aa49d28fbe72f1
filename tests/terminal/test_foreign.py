"""Another package with our import name is noticed before it does harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.terminal.foreign import foreign_package, refuse_foreign_package


def package(folder: Path) -> Path:
    """A package called `workbench` in `folder`."""
    (folder / "workbench").mkdir(parents=True)
    (folder / "workbench" / "__init__.py").touch()
    return folder


def test_this_installation_is_alone() -> None:
    """Nothing foreign where the tests run."""
    assert foreign_package() is None


def test_a_foreign_package_is_named_with_its_place(tmp_path: Path) -> None:
    """One sentence: what, where, and the way out."""
    ours, other = package(tmp_path / "ours"), package(tmp_path / "other")
    with pytest.raises(WorkbenchError, match="virtual environment") as caught:
        refuse_foreign_package([str(ours), str(other)], ours / "workbench")
    assert str(other) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_of_that_name_counts_too(tmp_path: Path) -> None:
    """`workbench.py` shadows a package as well."""
    ours = package(tmp_path / "ours")
    (tmp_path / "workbench.py").touch()
    assert foreign_package([str(tmp_path)], ours / "workbench") == tmp_path / "workbench.py"


def test_a_distribution_mixed_into_ours_is_found(tmp_path: Path) -> None:
    """Two distributions in one site-packages write into one folder."""
    ours = package(tmp_path / "ours")
    (ours / "workbench-0.3.dist-info").mkdir()
    assert foreign_package([str(ours)], ours / "workbench") == ours / "workbench-0.3.dist-info"


def test_the_same_folder_by_another_name_is_ours(tmp_path: Path) -> None:
    """A symbolic link to our own folder is no stranger."""
    ours = package(tmp_path / "ours")
    (tmp_path / "link").symlink_to(ours)
    assert foreign_package([str(tmp_path / "link")], (ours / "workbench").resolve()) is None
