"""What a vector costs in Chroma: memory, disk and time, embedded and on a server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from app.bench.resident import resident_bytes, trim
from retrieval.chroma import ChromaStore
from retrieval.protocols import Vectors
from retrieval.types import Scope

SEED = 11
TOPICS = 500  # that the vectors gather around
SPREAD = 1.0  # of a vector around its topic, in lengths of the topic's own
BATCH = 2_000  # vectors in one add, as a refill makes it
QUERIES = 50
START_S = 60.0
_COLLECTION = "scale"


def measure_embedded(dim: int, vectors: int) -> dict[str, object]:
    """Figures of an embedded store after half of the vectors, and of the second half alone.

    To be run in a process of its own: memory is the process's.
    """
    with TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        folder = Path(scratch)
        store = ChromaStore.open(folder)
        try:
            return _figures(store, folder, dim, vectors, process=None)
        finally:
            store.close()


def measure_server(dim: int, vectors: int) -> dict[str, object]:
    """The same over HTTP: memory and processor time are of the server, ``seconds`` are waited for it."""
    with TemporaryDirectory(prefix="touchstone-bench-") as scratch, _server(Path(scratch)) as (port, process):
        store = ChromaStore.connect("127.0.0.1", port)
        try:
            return _figures(store, Path(scratch), dim, vectors, process=process)
        finally:
            store.close()


def _figures(
    store: ChromaStore, folder: Path, dim: int, vectors: int, *, process: int | None
) -> dict[str, object]:
    half = vectors // 2
    _add(store, dim, 0, half)
    before = _State(folder, process)
    began = time.perf_counter()
    _add(store, dim, half, vectors)
    seconds = time.perf_counter() - began
    after = _State(folder, process)
    times = []
    for number in range(vectors, vectors + QUERIES):
        (query,) = make_vectors(dim, number, number + 1)
        began = time.perf_counter()
        store.search(query, 50, Scope(frozenset({_COLLECTION})))
        times.append(time.perf_counter() - began)
    added = vectors - half
    return {
        "dim": dim,
        "vectors": vectors,
        "disk_bytes_a_vector": round((after.disk - before.disk) / added),
        "resident_bytes_a_vector": round((after.resident - before.resident) / added),
        "resident_mb": round(after.resident / 1e6, 1),
        "core_ms_a_vector": round((after.core_s - before.core_s) / added * 1000, 3),
        "ms_a_vector": round(seconds / added * 1000, 3),
        "search_p50_ms": round(sorted(times)[QUERIES // 2] * 1000, 2),
    }


class _State:
    """What the store takes at this moment."""

    def __init__(self, folder: Path, process: int | None) -> None:
        trim()
        self.resident = resident_bytes(process) or 0
        self.core_s = _core_seconds(process)
        self.disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _add(store: ChromaStore, dim: int, first: int, last: int) -> None:
    for start in range(first, last, BATCH):
        stop = min(start + BATCH, last)
        ids = [f"{number // 20:032x}:1:{number % 20}" for number in range(start, stop)]  # as of chunks
        store.add(_COLLECTION, ids, [name.partition(":")[0] for name in ids], make_vectors(dim, start, stop))


def make_vectors(dim: int, first: int, last: int) -> Vectors:
    """Unit vectors around topics; the same numbers give the same vectors. Float32 of shape (n, dim)."""
    topics = np.random.default_rng(SEED).standard_normal((TOPICS, dim)).astype(np.float32)
    draw = np.random.default_rng((SEED, first))
    rows = topics[draw.integers(0, TOPICS, last - first)]
    rows = rows + SPREAD * draw.standard_normal(rows.shape, dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _core_seconds(process: int | None) -> float:
    """Processor time of this process or, in Linux, of another one."""
    if process is None:
        return time.process_time()
    ticks = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime of proc(5)


@contextmanager
def _server(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of ``chroma run`` over a folder."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 - the program that came with chromadb, no shell, no user text
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=1.0).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"chroma run did not start on port {port}")
        time.sleep(0.1)
