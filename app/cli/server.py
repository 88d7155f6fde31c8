"""The running server as the command line sees it: it owns the data directory, so commands go through it."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import click
import httpx

from app.errors import TouchstoneError
from app.reports import FileReport, FileReportView, file_report
from app.result import ResultView
from app.settings import Settings
from app.storage.lock import read_owner
from generation.types import Delta
from ingest.pipeline import Progress

TIMEOUT = httpx.Timeout(10.0, read=None)  # an answer or a long document may take minutes


class ServerRefused(TouchstoneError):
    """The running server answered with a problem, or not at all."""

    code = "server"


class RunningServer:
    """Asks and ingests over HTTP at a server on this machine."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def of(cls, settings: Settings) -> "RunningServer | None":
        """The server that owns the data directory, or None where its owner serves nothing."""
        owner = read_owner(settings.data_dir)
        return cls(owner.url) if owner and owner.url else None

    def ask(self, body: dict[str, object]) -> Iterator[Delta | ResultView]:
        """The answer's pieces, then the result. Raises ``ServerRefused``."""
        name = ""
        with self._client() as client, client.stream("POST", "/api/ask", json=body) as response:
            _check(response)
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name in ("delta", "answer", "error"):
                    data = json.loads(line.removeprefix("data: "))
                    if name == "error":
                        raise ServerRefused(data["message"])
                    yield Delta(data["text"]) if name == "delta" else ResultView.model_validate(data)

    def ingest(
        self,
        files: Sequence[tuple[Path, str]],
        collection: str,
        instruction: str | None,
        progress: Callable[[str], Progress],
    ) -> Iterator[FileReport]:
        """Send (path, name) pairs one after another, yielding a report each; see ``Library.ingest``."""
        about = {} if instruction is None else {"instruction": instruction}
        with self._client() as client:
            for path, name in files:
                show = progress(name)
                show("send", 0, 1)
                response = client.post(
                    f"/api/collections/{quote(collection, safe='')}/documents",
                    params={"name": name, **about},
                    content=path.read_bytes(),
                )
                _check(response)
                show("done", 1, 1)
                yield file_report(FileReportView.model_validate(response.json()))

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=TIMEOUT, trust_env=False)


def say_where(server: RunningServer) -> None:
    """Tell the person that the running server does the work, with its own settings."""
    click.echo(f"(through the running server at {server.url}, with its settings and models)", err=True)


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError):
        detail = f"status {response.status_code}"
    raise ServerRefused(f"the running server refused: {detail}")
