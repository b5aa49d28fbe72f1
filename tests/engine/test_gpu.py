"""When the GPU is asked for, and for how long the answer holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from workbench.engine.gpu import Gpu, GpuWatch, find_gpu, may_have_gpu

GPU = Gpu("a GPU", free=10**10, total=2 * 10**10, bf16=True, flops=1e14)


def test_torch_is_asked_only_where_a_driver_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    device = tmp_path / "nvidiactl"
    assert not may_have_gpu({}, (str(device),))
    device.touch()
    assert may_have_gpu({}, (str(device),))
    assert may_have_gpu({"CUDA_VISIBLE_DEVICES": "1"}, (str(device),))
    assert not may_have_gpu({"CUDA_VISIBLE_DEVICES": ""}, (str(device),))
    assert not may_have_gpu({"CUDA_VISIBLE_DEVICES": "-1"}, (str(device),))


async def test_an_answer_holds_for_a_while_and_is_asked_for_once() -> None:
    now, asked = [0.0], 0

    async def find() -> Gpu | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return GPU

    watch = GpuWatch(find, hold_s=20, clock=lambda: now[0])
    assert (watch.asked, watch.known) == (False, None)
    assert await asyncio.gather(watch.find(), watch.find()) == [GPU, GPU]
    assert (watch.asked, watch.known, asked) == (True, GPU, 1)
    now[0] = 20.1
    await watch.find()
    assert asked == 2


async def test_a_gpu_that_cannot_be_asked_is_not_used_and_said_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The child ends without a word, as with a broken driver."""
    monkeypatch.setattr("workbench.engine.gpu.may_have_gpu", lambda: True)
    monkeypatch.setattr("workbench.engine.models.child.sys.executable", "/bin/false")
    assert await find_gpu() is None
    assert "the GPU is not used" in caplog.text
