"""Processes of their own in a tenth of a second: forked from one that has imported all and done nothing.

What runs in them is the program itself: real threads, files, locks and sockets, which a SIGKILL takes away.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

# "pytest" because a child imports the parent's main module; the rest is what a process imports on its way.
_IMPORTED = ("pytest", "tests.faults.imported")
KILLED = -signal.SIGKILL
READY_S = 60
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(_IMPORTED))


def start(target: Callable[..., None], *arguments: object, log: Path) -> ForkServerProcess:
    """Call ``target`` in a process of its own, whose output goes to a file."""
    process = _CONTEXT.Process(target=_logged, args=(log, target, arguments), daemon=True)
    process.start()
    return process


def ended(process: ForkServerProcess, *, log: Path, timeout_s: float = 60) -> int:
    """The exit status of a process that ends well or is killed; it is killed when it takes too long."""
    process.join(timeout_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"still running after {timeout_s} s:\n{log.read_text(encoding='utf-8')}")
    assert process.exitcode in (0, KILLED), log.read_text(encoding="utf-8")
    return process.exitcode


class Server:
    """``touchstone serve`` in a process of its own."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.log = data_dir.with_name("server.log")
        self.log.write_text("", encoding="utf-8")
        self.process = start(_serve, data_dir, dict(environment), log=self.log)
        self.url = ""

    def listen(self) -> str:
        """Its address, once it listens."""
        deadline = time.monotonic() + READY_S
        while not self.url:
            said = self.log.read_text(encoding="utf-8")
            assert self.process.is_alive(), said
            assert time.monotonic() < deadline, said
            if "Touchstone serves " in said:
                self.url = said.split("Touchstone serves ")[1].split()[0]
            else:
                time.sleep(0.02)
        return self.url

    def ready(self) -> str:
        """Its address, once questions can be asked."""
        url, deadline = self.listen(), time.monotonic() + READY_S
        while httpx.get(f"{url}/readyz", timeout=READY_S).status_code != 200:
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.02)
        return url

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.join()

    def stop(self, timeout_s: float = 20) -> None:
        """SIGTERM, after which it ends well."""
        self.process.terminate()
        self.process.join(timeout_s)
        assert self.process.exitcode in (0, -signal.SIGTERM), self.log.read_text(encoding="utf-8")


@contextmanager
def serving(data_dir: Path, failpoints: str = "", **settings: str) -> Iterator[Server]:
    """A server on a data directory, killed in the end where it still runs.

    ``settings`` are names and values of ``TOUCHSTONE_*`` variables.
    """
    server = Server(data_dir, {"FAILPOINTS": failpoints, **settings})
    try:
        yield server
    finally:
        server.kill()


def _serve(data_dir: Path, settings: Mapping[str, str]) -> None:
    from app.cli.main import main

    ours = {"DATA_DIR": str(data_dir), "PROFILE": "starter", "DEMO": "false", **settings}
    os.environ.update({f"TOUCHSTONE_{name}": value for name, value in ours.items()})
    os.chdir("/")
    sys.argv = ["touchstone", "serve", "--port", "0"]
    main()


def _logged(log: Path, target: Callable[..., None], arguments: tuple[object, ...]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text file here
    target(*arguments)
