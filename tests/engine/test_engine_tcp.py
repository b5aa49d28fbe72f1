"""TCP: only on request, only with a key, and nothing there that acts on this machine."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

import httpx2
import openai
import pytest

from tests.engine.engine_process import EngineProcess
from tests.engine.engine_training import RECORDS
from tests.engine.openai_spec import check

KEY = "a-key-of-the-person"


def listen(engine: EngineProcess, **body: object) -> httpx2.Response:
    with engine.http() as http:
        return http.post("/ftwb/v1/listen", json={"host": "127.0.0.1", "port": 0, "api_key": KEY, **body})


def test_the_whole_api_answers_there_with_that_key(engine: EngineProcess) -> None:
    port = listen(engine).json()["port"]
    sdk = openai.OpenAI(
        api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, _strict_response_validation=True
    )
    file = sdk.files.create(file=("t.jsonl", RECORDS), purpose="fine-tune")
    job = sdk.fine_tuning.jobs.create(model="starter", training_file=file.id)
    engine.wait(job.id, "succeeded")
    model = sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert model is not None
    reply = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
    assert reply.model == model
    assert next(iter(sdk.fine_tuning.jobs.list_events(job.id))).type == "message"
    with engine.http() as http:
        assert http.get("/ftwb/v1/status").json()["listening"] == [{"host": "127.0.0.1", "port": port}]


def test_what_acts_on_the_machine_is_refused_there(engine: EngineProcess) -> None:
    port = listen(engine).json()["port"]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}) as http:
        assert http.get("/ftwb/v1/status").status_code == 200
        for path in ("listen", "shutdown", "export", "pull", "log", "manifest", "devices"):
            answer = http.post(f"/ftwb/v1/{path}", json={})
            assert answer.status_code == 403
            check("ErrorResponse", answer.json())
        file = http.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("t", RECORDS)}).json()
        job = {"model": "starter", "training_file": file["id"], "ftwb": {"trainer_python": "/bin/evil"}}
        answer = http.post("/v1/fine_tuning/jobs", json=job)
        assert (answer.status_code, answer.json()["error"]["param"]) == (403, "ftwb.trainer_python")


def test_a_folder_is_no_model_there(engine: EngineProcess) -> None:
    """A key opens models: it does not tell which folders this machine has, nor loads what lies in them."""
    port = listen(engine).json()["port"]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}) as http:
        file = http.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("t", RECORDS)}).json()
        for name in ("/etc", "../../x", "~/model"):
            chat = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
            for answer in (
                http.post("/v1/chat/completions", json=chat),
                http.post("/v1/fine_tuning/jobs", json={"model": name, "training_file": file["id"]}),
                http.get(f"/v1/models/{name.replace('.', '%2E')}"),
            ):
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_over_tcp"), name
        assert http.get("/ftwb/v1/status").json()["socket"] is None


def test_each_socket_has_its_own_key(engine: EngineProcess) -> None:
    port = listen(engine).json()["port"]
    for header in ({"Authorization": f"Bearer {engine.key}"}, {"Authorization": "Bearer wrong"}, {}):
        answer = httpx2.get(f"http://127.0.0.1:{port}/v1/models", headers=header)
        assert answer.status_code == 401
    with engine.http(key=KEY) as http:
        assert http.get("/v1/models").status_code == 401


def test_a_taken_port_is_said(engine: EngineProcess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = listen(engine, port=port)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("port_taken", f"port {port}: is taken on 127.0.0.1")
    assert error["hint"] == "choose another with --port"


def test_asking_twice_is_one_listener(engine: EngineProcess) -> None:
    port = listen(engine).json()["port"]
    assert listen(engine, port=port).json() == {"host": "127.0.0.1", "port": port}
    assert listen(engine, port=port, api_key="another").status_code == 409
    with engine.http() as http:
        assert len(http.get("/ftwb/v1/status").json()["listening"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"api_key": ""}, "invalid_value"),
        ({"api_key": "  "}, "invalid_value"),
        ({"host": "0.0.0.0"}, "insecure_http"),
        ({"host": "203.0.113.7", "insecure_http": True}, "host_unknown"),
        ({"host": "no such host"}, "insecure_http"),
        ({"port": 70000}, "integer_above_max_value"),
        ({"certfile": "/nowhere.pem"}, "socket"),
    ],
)
def test_what_is_not_opened(engine: EngineProcess, body: dict[str, object], code: str) -> None:
    answer = listen(engine, **body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == code
    with engine.http() as http:
        assert http.get("/ftwb/v1/status").json()["listening"] == []


def test_tls(engine: EngineProcess, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    port = listen(engine, certfile=str(cert), keyfile=str(key)).json()["port"]
    context = ssl.create_default_context(cafile=str(cert))
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx2.get(f"https://127.0.0.1:{port}/v1/models", headers=headers, verify=context)
    assert answer.status_code == 200
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(f"http://127.0.0.1:{port}/v1/models", headers=headers)
