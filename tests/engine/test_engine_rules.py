"""Small rules: hyperparameters, ids, the lock, sockets, what a child may know."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from workbench.engine.finish import content_sha256
from workbench.engine.hyperparameters import auto_batch, auto_epochs, resolve, trained_tokens, twice_given
from workbench.engine.identity import ProcessIdentity, host_name
from workbench.engine.ids import checkpoint_model_id, split_checkpoint, tuned_model_id
from workbench.engine.launchers.environment import child_environment, interpreter_command
from workbench.engine.lock import EngineElsewhere, EngineLock, LockRecord
from workbench.engine.sockets import SocketTrouble, is_loopback, runtime_dir, socket_path


@pytest.mark.parametrize(
    ("records", "epochs"),
    [(0, 10), (1, 10), (10, 10), (20, 5), (33, 3), (34, 3), (500, 3), (2000, 3), (3000, 2), (6000, 1), (90_000, 1)],
)
def test_auto_epochs_are_the_cookbooks_within_our_caps(records: int, epochs: int) -> None:
    assert auto_epochs(records) == epochs


@pytest.mark.parametrize(("records", "batch"), [(0, 1), (3, 1), (10, 2), (15, 3), (16, 4), (10_000, 4)])
def test_auto_batches_leave_an_epoch_some_steps(records: int, batch: int) -> None:
    assert auto_batch(records) == batch


def test_resolving_gives_numbers_for_every_auto() -> None:
    found = resolve({"n_epochs": "auto", "learning_rate_multiplier": 0.5}, {"lora_r": 8}, 500)
    assert found.hyperparameters == {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.5}
    assert found.settings == {
        "num_train_epochs": 3, "per_device_train_batch_size": 4, "learning_rate": 0.0005, "lora_r": 8,
    }  # fmt: skip


def test_trainer_settings_stand_above_auto() -> None:
    found = resolve({}, {"num_train_epochs": 0.5, "learning_rate": 2e-3, "per_device_train_batch_size": 300}, 500)
    assert found.hyperparameters == {"n_epochs": 1, "batch_size": 256, "learning_rate_multiplier": 2.0}
    assert found.settings["num_train_epochs"] == 0.5
    assert twice_given({"n_epochs": 3}, {"num_train_epochs": 3}) == "num_train_epochs"
    assert twice_given({"n_epochs": "auto"}, {"num_train_epochs": 3}) is None


def test_tokens_are_those_that_were_trained_on() -> None:
    assert trained_tokens(1000, 10, {"num_train_epochs": 3}) == 3000
    assert trained_tokens(1000, 10, {"max_steps": 2, "per_device_train_batch_size": 4}) == 800


def test_ids_of_tuned_models() -> None:
    model = tuned_model_id("starter", "a b:c/d", "ftjob-1")
    assert model == tuned_model_id("starter", "a b:c/d", "ftjob-1")
    assert model.startswith("ft:starter:local:a-b-c-d:")
    assert tuned_model_id("starter", None, "ftjob-1").startswith("ft:starter:local::")
    assert split_checkpoint(checkpoint_model_id(model, 30)) == (model, 30)
    assert split_checkpoint(model) == (model, None)
    assert split_checkpoint("starter:ckpt-step-3") == ("starter:ckpt-step-3", None)


def test_a_process_is_itself_for_as_long_as_it_lives() -> None:
    me = ProcessIdentity.mine()
    assert me.alive()
    assert ProcessIdentity.of(os.getpid()) == me
    for other in (
        replace(me, start=me.start - 100),
        replace(me, boot_id="x"),
        replace(me, host="x"),
        replace(me, pid=-1),
    ):
        assert not other.alive()


def test_a_zombie_is_not_alive() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet reaped
    child = ProcessIdentity.of(pid)
    assert child is not None
    assert not child.alive()
    os.waitpid(pid, 0)


def _lock(path: Path, **changes: object) -> None:
    me = ProcessIdentity.mine()
    mine = LockRecord(me.host, me.boot_id, me.pid, me.start, time.time(), "/s", "1", 1)
    (path / "lock").write_text(json.dumps(asdict(mine) | changes))


@pytest.mark.parametrize(
    "changes",
    [{"pid": 2**22 - 3}, {"start": 5.0}, {"boot_id": "before the reboot"}],
    ids=["gone", "reused", "rebooted"],
)
def test_a_dead_engines_lock_of_this_machine_is_taken(tmp_path: Path, changes: dict[str, object]) -> None:
    _lock(tmp_path, **changes)
    lock = EngineLock(tmp_path)
    assert lock.acquire(socket="/s", version="1", protocol=1).pid == os.getpid()
    assert lock.beat()
    lock.release()
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_torn_or_foreign_lock_file_is_taken(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    assert EngineLock(tmp_path).acquire(socket="/s", version="1", protocol=1).host == host_name()


def test_a_living_engine_is_never_taken_over_even_when_asked(tmp_path: Path) -> None:
    _lock(tmp_path)
    with pytest.raises(EngineElsewhere, match=r"already runs here \(pid \d+\); it answers at /s"):
        EngineLock(tmp_path).acquire(socket="/t", version="1", protocol=1, take_over=True)


def test_a_heartbeat_follows_a_clock_that_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a living engine looked dead, and a second one took its workspace."""
    lock = EngineLock(tmp_path)
    lock.acquire(socket="s", version="1", protocol=1)
    me = ProcessIdentity.mine()
    monkeypatch.setattr(ProcessIdentity, "mine", classmethod(lambda cls: replace(me, start=me.start + 3600)))
    assert lock.beat()
    assert json.loads((tmp_path / "lock").read_text())["start"] == me.start + 3600
    assert lock.beat()


def test_another_hosts_engine_is_named(tmp_path: Path) -> None:
    _lock(tmp_path, host="gpu-7")
    with pytest.raises(EngineElsewhere, match="runs on host gpu-7"):
        EngineLock(tmp_path).acquire(socket="/t", version="1", protocol=1, take_over=True)
    _lock(tmp_path, host="gpu-7", heartbeat=time.time() - 3600)
    with pytest.raises(EngineElsewhere, match=r"silent for 60 minutes; .*--take-over"):
        EngineLock(tmp_path).acquire(socket="/t", version="1", protocol=1)
    assert EngineLock(tmp_path).acquire(socket="/t", version="1", protocol=1, take_over=True).socket == "/t"


def test_the_runtime_folder_must_be_ours_alone(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    folder = runtime_dir(environ)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert runtime_dir(environ) == folder
    folder.chmod(0o750)
    with pytest.raises(SocketTrouble, match="is open to other users; chmod 700"):
        runtime_dir(environ)
    folder.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)
    with pytest.raises(SocketTrouble, match="is not a folder but a link"):
        runtime_dir(environ)


def test_a_runtime_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can give a folder away, so it is we who are somebody else."""
    runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})
    somebody = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody)
    with pytest.raises(SocketTrouble, match="belongs to another user"):
        runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_workspace_has_one_socket_by_whatever_path(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    assert socket_path(home, Path("/run/x")) == socket_path(tmp_path / "link", Path("/run/x"))
    assert socket_path(home, Path("/run/x")) != socket_path(tmp_path, Path("/run/x"))
    with pytest.raises(SocketTrouble, match="too long"):
        socket_path(home, Path("/" + "ü" * 45))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_child_knows_no_secrets() -> None:
    secrets = dict.fromkeys(("OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "MYAPIKEY"), "s")
    plain = {"PATH": "/bin", "TOKENIZERS_PARALLELISM": "true", "KEYBOARD": "de", "MONKEY": "1"}
    environ = child_environment({**secrets, **plain})
    assert not secrets.keys() & environ.keys()
    assert environ["TOKENIZERS_PARALLELISM"] == "false"
    assert {"PATH", "KEYBOARD", "MONKEY"} <= environ.keys()


def test_an_interpreter_is_a_path_or_a_command(tmp_path: Path) -> None:
    path = tmp_path / "my python"
    path.touch()
    assert interpreter_command(str(path)) == [str(path)]
    assert interpreter_command("apptainer exec 'my image.sif' python") == [
        "apptainer",
        "exec",
        "my image.sif",
        "python",
    ]


def test_the_hash_of_a_tuned_model_is_of_its_content(tmp_path: Path) -> None:
    """Not of a path of this machine, nor of the order in which PEFT happens to write a set."""

    def adapter(name: str, base: str, modules: list[str], weights: bytes, rank: int = 16) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        config = {"base_model_name_or_path": base, "target_modules": modules, "r": rank}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        (folder / "adapter_model.safetensors").write_bytes(weights)
        (folder / "README.md").write_text(name)
        return folder

    one = content_sha256("base", adapter("one", "/a", ["q", "v"], b"weights"))
    assert one == content_sha256("base", adapter("two", "/b", ["v", "q"], b"weights"))
    assert one != content_sha256("base", adapter("three", "/a", ["q", "v"], b"other"))
    assert one != content_sha256("base", adapter("four", "/a", ["q", "v"], b"weights", rank=8))
    assert one != content_sha256("another base", tmp_path / "one")
