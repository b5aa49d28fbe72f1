"""A trainer that only pretends: it keeps to the job folder's protocol, takes milliseconds and needs nothing.

Its settings say what happens: `hold_at` waits at that step until JOB_DIR/go exists (or SIGTERM comes), `die_at` ends
as if killed, `fail_at` reports a failure, `checkpoint_every` and `steps` are what they say. The loss of a step depends
on the step alone.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil

JOB = Path(sys.argv[1])
stop = False


def on_term(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, on_term)
job = json.loads((JOB / "settings.json").read_text())
settings = job["settings"]
total = settings.get("steps", 10)


def emit(kind, step, **data):
    line = {"t": time.time(), "kind": kind, "step": step, "total_steps": total, "data": data}
    with (JOB / "progress.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def state(step, exit_reason=None, error=None):
    me = {
        "pid": os.getpid(),
        "start": psutil.Process().create_time(),
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "host": os.uname().nodename,
    }
    path = JOB / ".state.tmp"
    path.write_text(json.dumps({**me, "step": step, "total_steps": total, "exit": exit_reason, "error": error}))
    path.replace(JOB / "state.json")


def checkpoint(step):
    target = JOB / "checkpoints" / f"step-{step}"
    if target.exists():
        return
    fresh = JOB / f".step-{step}"
    fresh.mkdir(exist_ok=True)
    (fresh / "adapter_model.safetensors").write_bytes(b"weights %d" % step)
    (fresh / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": job["base"]["path"]}))
    target.parent.mkdir(exist_ok=True)
    fresh.rename(target)
    emit("checkpoint", step, path=f"checkpoints/step-{step}")


done = max((int(p.name[5:]) for p in (JOB / "checkpoints").glob("step-*")), default=0)
path = JOB / "progress.jsonl"
if path.exists() and not path.read_bytes().endswith(b"\n"):
    with path.open("ab") as file:
        file.write(b"\n")
state(done)
print("environment", json.dumps(dict(os.environ)), flush=True)
emit("started", done, device="cpu")
for step in range(done + 1, total + 1):
    if step == settings.get("die_at"):
        print("about to die", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if step == settings.get("fail_at"):
        emit(
            "error",
            step,
            message=settings.get("fail_with", "no luck"),
            code=settings.get("fail_code", "trainer_failed"),
        )
        state(step, "failed", {"message": settings.get("fail_with", "no luck"), "code": settings.get("fail_code", "x")})
        sys.exit(1)
    while step == settings.get("hold_at") and not stop and not (JOB / "go").exists():
        time.sleep(0.01)
    time.sleep(settings.get("step_s", 0.005))
    emit("log", step, train_loss=1 / step, learning_rate=0.001, train_mean_token_accuracy=step / total, tokens=step * 7)
    state(step)
    if stop:
        checkpoint(step)
        emit("stopped", step)
        state(step, "stopped")
        sys.exit(0)
    if job["validation"] and step % 5 == 0:
        emit("eval", step, valid_loss=2 / step, valid_mean_token_accuracy=0.5)
    if step % settings.get("checkpoint_every", 5) == 0:
        checkpoint(step)
if job["validation"]:
    emit("eval", total, full_valid_loss=2 / total, full_valid_mean_token_accuracy=0.5)
model = JOB / ".model"
model.mkdir(exist_ok=True)
(model / "adapter_model.safetensors").write_bytes(b"weights %d" % total)
(model / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": job["base"]["path"], "r": 16}))
(model / "training_args.bin").write_bytes(b"a pickle")
(model / "tokenizer.json").write_text("{}")
model.rename(JOB / "model")
emit("finished", total)
state(total, "finished")
