"""Guards for every test: no network beyond this machine, no hub, fixed seeds, real data folder untouched."""

import gc
import logging
import os
import random
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Before anything imports a model library: those read the environment once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in [name for name in os.environ if name.startswith("TOUCHSTONE_")]:
    del os.environ[name]

settings.register_profile(
    "touchstone", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("touchstone")

_connect = socket.socket.connect
ROOT = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _guarded_connect(self: socket.socket, address: tuple[str, int] | str) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
        raise AssertionError(f"a test tried to reach {address[0]}: only this machine is allowed")
    _connect(self, address)


# What starts servers or many processes: left out by `make test-fast`, which so stays below two minutes.
SLOW_FOLDERS = {
    "access", "adapters", "api", "attacks", "bulk", "care", "conversations", "faults", "flows", "gaps",
    "monitoring",
}  # fmt: skip
SLOW_FILES = {"test_chroma_files.py", "test_scheduler.py", "test_suspicious.py", "test_worker.py"}
BUSY_FILES = {*SLOW_FILES, "test_streams.py", "test_jobs.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests as slow by where they stand; the longest files begin first: none is left to the end.

    What kills, races or drives a browser is tried a second time where it fails: on two busy cores something
    is late now and then. The summary names each that was. What guards rights has one try.
    """

    def place(item: pytest.Item) -> int:
        folder, name = item.path.relative_to(ROOT).parts[0], item.path.name
        if folder == "bulk" or name.startswith("test_bench_"):
            return 0
        if folder in ("browser", "faults"):
            return 1
        return 2 if folder in SLOW_FOLDERS or name in SLOW_FILES else 3

    for item in items:
        if place(item) in (0, 2) or item.path.parent.name == "faults":
            item.add_marker("slow")
        if place(item) < 2 or item.path.parent.name == "care" or item.path.name in BUSY_FILES:
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later search for garbage: it is large, and stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def guards(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No foreign sockets, a data folder of the test's own, the same seeds every time, logging turned on."""
    logging.disable(logging.NOTSET)  # the command line turns it off for its process
    monkeypatch.setattr(socket.socket, "connect", _guarded_connect)
    monkeypatch.setenv("TOUCHSTONE_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    random.seed(7)
    np.random.seed(7)
