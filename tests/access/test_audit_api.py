"""Reading, following, exporting and verifying the audit over HTTP and from the command line."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from northstar.access.audit_api import router
from northstar.access.testing import AccessBench
from northstar.cli import root
from northstar.errors import Failed, Invalid
from northstar.names import Scope

Run = Callable[..., Result]


@pytest.fixture
def bench(tmp_path: Path) -> AccessBench:
    bench = AccessBench(tmp_path)
    for number in range(1, 6):
        bench.access.audit.record("user:x", "test:n", Scope("operations"), "done", {"n": number})
    return bench


@pytest.fixture
def client(bench: AccessBench) -> TestClient:
    return bench.client(router(bench.access, bench.guard))


@pytest.fixture
def run(bench: AccessBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    app = bench.app(router(bench.access, bench.guard))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        monkeypatch.setenv("NORTHSTAR_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("NORTHSTAR_TOKEN", bench.token())
        yield lambda *arguments: CliRunner().invoke(root, arguments, catch_exceptions=False)
        server.should_exit = True
        thread.join(10)


def test_the_audit_is_read_where_one_is_owner(bench: AccessBench, client: TestClient) -> None:
    owner = bench.headers("olga", "squad-owner", "/operations")
    found = client.get("/api/audit?scope=/operations", headers=owner).json()
    assert {entry["principal"] for entry in found} == {"user:x", "test"}
    assert {entry["scope"] for entry in found} == {"/operations"}
    assert client.get("/api/audit", headers=owner).status_code == 403
    assert client.get("/api/audit/verification", headers=owner).status_code == 403
    verdict = client.get("/api/audit/verification", headers=bench.headers()).json()
    assert verdict["intact"] is True


def test_it_is_followed_from_a_number_on(bench: AccessBench, client: TestClient) -> None:
    answer = client.get("/api/audit?after=2&limit=2", headers=bench.headers())
    assert [entry["sequence"] for entry in answer.json()] == [3, 4]
    beyond = client.get("/api/audit?after=99999999999", headers=bench.headers())
    assert beyond.status_code == 422


def test_an_exported_line_is_what_its_digest_covers(run: Run) -> None:
    lines = run("audit", "export", "--format", "jsonl").stdout.splitlines()
    assert len(lines) >= 5
    before = "sha256:" + "0" * 64
    for line in lines:
        entry = json.loads(line)
        digest = entry.pop("digest")
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
        assert digest == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        assert entry["previous"] == before
        before = digest


def test_an_export_is_taken_up_where_it_ended(run: Run) -> None:
    first = run("audit", "export")
    last = json.loads(first.stdout.splitlines()[-1])["sequence"]
    assert f"up to entry {last}" in first.stderr
    assert run("audit", "export", "--after", str(last)).stdout == ""
    assert run("audit", "export", "--since", "2100-01-01").stdout == ""
    rest = run("audit", "export", "--after", "3").stdout.splitlines()
    assert first.stdout.splitlines()[3:] == rest


def test_an_export_is_verified_without_the_platform(run: Run, tmp_path: Path) -> None:
    lines = run("audit", "export").stdout.splitlines()
    file = tmp_path / "audit.jsonl"
    file.write_text("\n".join(lines[1:]) + "\n")
    assert "intact" in run("audit", "verify", str(file)).stdout
    head = json.loads(lines[2])["digest"]
    assert "intact" in run("audit", "verify", str(file), "--head", head).stdout
    file.write_text("\n".join([*lines[:2], lines[2].replace("user:x", "user:y"), *lines[3:]]))
    with pytest.raises(Failed, match="entry 3"):
        run("audit", "verify", str(file))
    file.write_text("{}\n")
    with pytest.raises(Invalid, match="Line 1"):
        run("audit", "verify", str(file))


def test_the_audit_is_listed_and_verified_against_an_older_head(
    run: Run, bench: AccessBench
) -> None:
    head = json.loads(run("audit", "verify", "--json").stdout)["head"]
    bench.access.audit.record("user:x", "test:other", Scope(), "done")
    assert "test:other" in run("audit", "list", "--action", "test:other").stdout
    assert "intact" in run("audit", "verify", "--head", head).stdout
    with pytest.raises(Failed, match="cut off"):
        run("audit", "verify", "--head", "sha256:" + "1" * 64)


def test_an_action_can_be_left_out(run: Run, bench: AccessBench) -> None:
    bench.access.directory.create("service", "ci", "test")
    left = json.loads(run("audit", "list", "--without", "principal:create", "--json").stdout)
    everything = json.loads(run("audit", "list", "--json").stdout)
    actions = {entry["action"] for entry in everything}
    assert "principal:create" in actions
    assert {entry["action"] for entry in left} == actions - {"principal:create"}
