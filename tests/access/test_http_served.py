"""A whole server in accounts mode: the command line as its operator, streams whose reader is signed out."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from app.access.channel import channel
from app.access.principal import Principal
from app.api.credentials import Credentials
from app.api.stream import EventStream
from app.cli.ask import ask
from app.cli.chunks import chunks
from app.cli.collections import collections
from app.cli.doctor import doctor
from app.cli.ingest import ingest
from app.cli.rerank import rerank
from app.cli.serve import address, serve
from app.cli.server import RunningServer, ServerRefused
from app.errors import SettingsError
from app.gate import Gate, Stopped
from app.services import Services
from app.settings import AccessSettings, Settings
from app.storage.lock import DirectoryLock, read_owner
from app.wiring import build_models
from tests.access.house import PASSWORD
from tests.app.server import serving

RECHECK_S = 0.2
LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"


@dataclass(frozen=True, slots=True)
class Served:
    """A server on a real port, its data directory, and its one editor."""

    url: str
    data_dir: Path
    services: Services
    admin: Principal
    editor: Principal

    @contextmanager
    def client(self, key: str = "") -> Iterator[httpx.Client]:
        """The editor's browser, signed in, or a program with a key."""
        headers = {"x-api-key": key} if key else {}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20) as client:
            if not key:
                done = client.post("/api/session", json={"username": "eva", "password": PASSWORD})
                assert done.status_code == 200, done.text
            yield client

    def run(self, command: object, *arguments: str, typed: str | None = None) -> str:
        """What a command of this machine prints; it must end well, and have gone through the server."""
        environment = {"TOUCHSTONE_DATA_DIR": str(self.data_dir), "TOUCHSTONE_PROFILE": "starter"}
        done = CliRunner().invoke(command, arguments, env=environment, input=typed)  # type: ignore[arg-type]  # a command
        assert done.exception is None, (done.exception, done.stderr)
        assert f"through the running server at {self.url}" in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    access = AccessSettings(mode="accounts", recheck_s=RECHECK_S)
    services = Services(
        Settings(data_dir=folder, profile="starter", demo=False, access=access), build_models=build_models
    )
    accounts = services.accounts
    anna = accounts.users.principal(accounts.setup(accounts.setup_token() or "", "anna", PASSWORD).id)
    eva = accounts.users.add(anna, "eva", "editor", PASSWORD)
    with serving(services) as url:
        services.lock.announce(url)
        yield Served(url, folder, services, anna, accounts.users.principal(eva.id))


def test_every_command_goes_on_working_while_people_have_to_sign_in(served: Served, tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text(LEAVE, encoding="utf-8")
    served.run(ingest, str(tmp_path / "leave.md"), "--collection", "hr")
    assert "12 days" in served.run(ask, "How many days of annual leave?", "--collection", "hr")
    assert "hr" in served.run(collections)
    assert "leave.md" in served.run(chunks, str(tmp_path / "leave.md"))
    served.run(doctor)
    lines = "Refunds take 5 days.\nOffice hours\n"
    found = json.loads(served.run(rerank, "refund period", "--json", typed=lines))
    assert found["results"][0]["text"] == "Refunds take 5 days."


def test_command_line_without_the_token_of_this_start_is_refused(served: Served) -> None:
    for token in ("", "nonsense"):
        with pytest.raises(ServerRefused, match="Not signed in"):
            RunningServer(served.url, token).collections()


def test_token_is_for_whoever_may_read_the_directory_and_in_no_log(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    token = served.services.lock.token
    assert len(token) == 43
    lock = served.data_dir / "lock"
    assert (lock.stat().st_mode & 0o777, served.data_dir.stat().st_mode & 0o777) == (0o600, 0o700)
    owner = read_owner(served.data_dir)
    assert owner is not None
    assert (owner.token, token in repr(owner)) == (token, False)
    with caplog.at_level(logging.DEBUG):
        RunningServer(served.url, token).collections()
        httpx.get(f"{served.url}/api/nothing", headers={"Authorization": f"Bearer {token}"})
    assert token not in caplog.text


def test_token_is_made_anew_at_each_start_and_an_old_lock_file_is_closed_to_others(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        lock = DirectoryLock(tmp_path)
        lock.announce("http://127.0.0.1:9")
        tokens.add(lock.token)
        lock.release()
        (tmp_path / "lock").chmod(0o644)  # as an earlier version left it
    assert len(tokens) == 2
    again = DirectoryLock(tmp_path)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    owner = read_owner(tmp_path)
    assert owner is not None
    assert owner.token == "", "a process that serves nothing tells no token"
    again.release()


def test_token_does_not_follow_a_redirect() -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(ServerRefused, match="status 307"):
            RunningServer(f"http://127.0.0.1:{other.server_address[1]}", "token").collections()
        other.shutdown()
    assert asked == ["/api/collections"]


def test_large_body_of_somebody_unknown_is_refused_before_it_arrives(served: Served) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/collections/x/documents?name=a.md HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 10000000000\r\n\r\n"
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer.lower()


@contextmanager
def _watching(client: httpx.Client) -> Iterator[Iterator[str]]:
    """The lines of the stream of jobs, once it flows."""
    with client.stream("GET", "/api/jobs/events", timeout=15) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        assert next(lines).startswith(":")  # the first heartbeat
        yield lines


def _end(lines: Iterator[str]) -> tuple[list[str], dict[str, object], float]:
    """The names of the events until the stream ends, the last one's data, and how long it took."""
    began, names, data = time.monotonic(), [], {}
    for line in lines:
        if line.startswith("event: "):
            names.append(line.removeprefix("event: "))
        elif line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
    return names, data, time.monotonic() - began


@pytest.mark.parametrize("what", ["signs out", "is disabled", "loses his role", "has his key revoked"])
def test_stream_ends_when_its_reader(served: Served, what: str) -> None:
    accounts, admin, eva = served.services.accounts, served.admin, served.editor.id
    key = accounts.keys.add(served.editor, eva, "a program", ["ingest"], days=1)
    secret = key.secret if what == "has his key revoked" else ""
    with served.client(secret) as client, _watching(client) as lines:
        if what == "signs out":
            accounts.sessions.end_of(admin, eva)
        elif what == "is disabled":
            accounts.users.disable(admin, eva)
        elif what == "loses his role":
            accounts.users.set_role(admin, eva, "viewer")
        else:
            accounts.keys.revoke(admin, key.key.id)
        names, data, took_s = _end(lines)
    accounts.users.enable(admin, eva)
    accounts.users.set_role(admin, eva, "editor")
    assert names == ["error"]
    assert (data["code"], data["retryable"]) == ("session_revoked", False)
    assert took_s < 5


def test_stream_goes_on_when_its_reader_may_do_more_than_before(served: Served) -> None:
    accounts = served.services.accounts
    made = served.services.collections.create("more")
    with served.client() as client, _watching(client) as lines:
        accounts.granted_on_creation(served.editor, made.id)
        until = time.monotonic() + 4 * RECHECK_S
        while time.monotonic() < until:
            assert not next(lines).startswith("event: error")


def test_answer_that_is_being_written_ends_with_the_session_and_frees_its_place(served: Served) -> None:
    accounts = served.services.accounts
    entrance, app, ended = Gate(concurrency=1, queue=1), FastAPI(), threading.Event()

    def write(stopped: Stopped) -> Iterator[int]:
        try:
            for piece in range(400):
                time.sleep(0.05)
                yield piece
        finally:
            ended.set()

    @app.get("/answer")
    async def answer(request: Request) -> StreamingResponse:
        visit = entrance.enter()
        return EventStream(visit.run(write), visit, request, lambda piece: ("delta", {"text": str(piece)}))

    lookups = (accounts.by_key, accounts.by_session)
    over = channel(scheme="http", host="127.0.0.1", client="127.0.0.1")
    app.add_middleware(Credentials, lookups=lookups, channel=lambda _: over, recheck_s=RECHECK_S)
    token = accounts.sign_in("eva", PASSWORD).token
    client = TestClient(app, headers={"Cookie": f"sid={token}"})
    revoking = threading.Timer(0.5, accounts.sessions.end_of, (served.admin, served.editor.id))
    revoking.start()
    told = client.get("/answer").text
    revoking.join()
    assert told.count("event: delta") >= 1
    assert told.count("event: delta") < 200
    last = told.strip().split("\n\n")[-1]
    assert "event: error" in last
    assert '"code": "session_revoked"' in last
    assert ended.wait(5), "the work behind it has stopped"
    entrance.pool.shutdown()


def test_without_accounts_no_address_but_loopback_is_served(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "kb.example.org"):  # noqa: S104 - it is refused
        environment = {"TOUCHSTONE_DATA_DIR": str(tmp_path), "TOUCHSTONE_SERVER__HOST": host}
        done = CliRunner().invoke(serve, ["--port", "0"], env=environment)
        assert isinstance(done.exception, SettingsError)
        assert done.exception.exit_code == 2
        for part in (repr(host), "TOUCHSTONE_SERVER__HOST", "--accounts", "127.0.0.1"):
            assert part in str(done.exception)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1"),  # noqa: S104
     ("::1", "http://[::1]:1"), ("192.0.2.1", "http://192.0.2.1:1")],
)  # fmt: skip
def test_command_line_finds_a_server_wherever_it_listens(host: str, url: str) -> None:
    assert address(host, 1) == url
