"""Who looks after the data directory: this process, or the server that owns it. Progress on the way."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from typing_extensions import Buffer

from app.care.archive import PIECE, from_tar
from app.care.care import Archive, Care, Step
from app.care.findings import Diagnosis
from app.cli.options import opened
from app.cli.server import RunningServer, ServerRefused, check_response, say_where
from app.errors import DataDirectoryLocked
from app.services import Services
from app.settings import Settings


class ServerCare(RunningServer):
    """``Care`` over HTTP."""

    def diagnose(self, *, repair: bool = False, step: Step = lambda *_: None) -> Diagnosis:
        """See ``Care``."""
        for name, data in self._events(f"/api/doctor?repair={str(repair).lower()}"):
            if name == "step":
                step(str(data["doing"]), int(str(data["completed"])), int(str(data["total"])))
            elif name == "diagnosis":
                return Diagnosis.model_validate(data)
        raise ServerRefused(f"the server at {self.url} broke off its answer; is it stopping?")

    @contextmanager
    def backup(self, step: Step = lambda *_: None) -> Iterator[Archive]:
        """See ``Care``; the members are checked by whoever reads them."""
        with self._client() as client, client.stream("POST", "/api/backup") as response:
            check_response(response)
            size = int(response.headers["x-touchstone-bytes"])
            pieces = _counted(response.iter_bytes(PIECE), size, step)
            yield Archive(size, from_tar(io.BufferedReader(_Stream(pieces), PIECE)))

    def rebuild(
        self, name: str | None, step: Step = lambda *_: None, stopped: Callable[[], bool] = lambda: False
    ) -> list[str]:
        """See ``Care``; closing the connection stops it."""
        about = "" if name is None else f"?collection={quote(name, safe='')}"
        for event, data in self._events(f"/api/index/rebuild{about}"):
            if event == "step":
                step(str(data["doing"]), int(str(data["completed"])), int(str(data["total"])))
            elif event == "rebuilt" and isinstance(data["collections"], list):
                return [str(each) for each in data["collections"]]
        raise ServerRefused(f"the server at {self.url} broke off its answer; is it stopping?")


class _Stream(io.RawIOBase):
    """Pieces of bytes, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, into: Buffer) -> int:
        """As much of one piece as fits."""
        view = memoryview(into).cast("B")
        while not self._left:
            try:
                self._left = next(self._pieces)
            except StopIteration:
                return 0
        taken, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


@contextmanager
def caring(settings: Settings) -> Iterator[tuple[Care | ServerCare, Services | None]]:
    """Who cares for the data directory, and the services where that is this process (nothing is loaded).

    Raises ``DataDirectoryLocked`` where another process that is no server owns the directory.
    """
    try:
        services = opened(settings)
    except DataDirectoryLocked:
        server = RunningServer.of(settings)
        if server is None:
            raise
        say_where(server)
        yield ServerCare(server.url, server.token), None
        return
    with services:
        yield Care(services), services


@contextmanager
def steps() -> Iterator[Step]:
    """A step callback that shows a bar on standard error while it is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)
        yield lambda doing, done, total: bar.update(task, description=doing, completed=done, total=total)


def _counted(pieces: Iterator[bytes], size: int, step: Step) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        done += len(piece)
        step("receiving", min(done, size), size)
        yield piece
