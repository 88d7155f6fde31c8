"""Reading and embedding on Ray Data: the only importer of ray. ``drive`` is a process of its own.

In a session of its own, too: a Ctrl-C at the terminal does not reach Ray, the owner can end it at any moment,
and nothing that Ray loads, logs or breaks is the owner's.
"""

import contextlib
import logging
import math
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.bulk.embedding import Embedding
from app.bulk.parcels import Parcel
from app.bulk.reading import Reading
from app.bulk.terms import Terms
from app.errors import TouchstoneError
from app.settings import Settings
from app.storage.blobs import BlobStore
from ingest.confine import die_with_parent
from rerank.protocols import PassageTokenizer
from retrieval.protocols import Embedder

if TYPE_CHECKING:
    import pyarrow as pa

FILES_A_BLOCK = 16  # at most; a block is read by one worker and embedded in one call
BLOCKS_A_CPU = 4  # at least, where there are files enough: no worker should wait for another's last block
EMBEDDER_CPUS = 4  # of a model on CPUs: its weights are held once for so many
FETCHES = 4  # files read from the owner's disk at the same time
TOLD = 500  # characters of what Ray says
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DEDUP_LOGS": "0",
}
_LOOPBACK = {
    # The only switch by which Ray 2.60 listens on 127.0.0.1 alone; what it says of systems is its history.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}


@dataclass(frozen=True, slots=True)
class Makers:
    """What opens models, and where. Importable functions: workers are told their names."""

    embedder: Callable[[Settings], Embedder]
    tokenizer: Callable[[Settings], PassageTokenizer | None]


@dataclass(frozen=True, slots=True)
class Task:
    """What a driver process is to do. ``blobs``: the owner's folder of bytes; ``address`` "": no cluster."""

    terms: Terms
    parcels: tuple[Parcel, ...]
    makers: Makers
    blobs: Path
    address: str
    verbose: bool


def drive(task: Task, pipe: Connection) -> None:
    """The driver process: send each parcel, then None, or a sentence that says why not."""
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of every ``finally``
    die_with_parent(signal.SIGTERM)
    if not task.verbose:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, sys.stdout.fileno())
        os.dup2(quiet, sys.stderr.fileno())
    os.environ.update(_QUIET)
    folder = ""
    if not task.address:
        folder = tempfile.mkdtemp(prefix="touchstone-ray-")  # 0700: what Ray spills are pieces of documents
        os.environ.update({**_LOOPBACK, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    try:
        with _ray(task, folder):
            for parcel in _stream(task):
                pipe.send(parcel)
            pipe.send(None)
    except BrokenPipeError:
        return  # the owner has gone
    except Exception as error:
        logging.getLogger(__name__).exception("Ray failed")
        said = " ".join(str(error).split())[:TOLD]
        pipe.send(f"Ray failed ({type(error).__name__}: {said}); what was handed in is kept")
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ray(task: Task, folder: str) -> Iterator[None]:
    """Ray, started in ``folder`` or connected to."""
    import ray

    common: dict[str, Any] = {"log_to_driver": task.verbose, "logging_level": logging.ERROR}
    if task.address:
        ray.init(address=task.address, **common)
    else:
        cores = task.terms.settings.jobs.parsers or os.cpu_count() or 1
        ray.init(
            "local",
            num_cpus=max(2, cores),  # one for each stage
            include_dashboard=False,
            _temp_dir=folder,
            **common,
        )
    try:
        yield
    finally:
        ray.shutdown()


def _stream(task: Task) -> Iterator[Parcel]:
    """Ray Data's pipeline: files in blocks, a pool of readers, a pool of models, rows as they come."""
    import ray
    import ray.data
    from ray.data import ActorPoolStrategy

    terms = task.terms
    total = ray.cluster_resources()
    cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
    if terms.device == "cuda" and not gpus:
        raise TouchstoneError(
            "the embedder runs on a GPU here, and the cluster has none; set "
            "TOUCHSTONE_MODELS__EMBEDDER__DEVICE=cpu, or add a machine with one"
        )
    per_model = min(EMBEDDER_CPUS, max(1, cpus // 2)) if terms.device == "cpu" else 1
    most_models = gpus if terms.device == "cuda" else max(1, cpus // per_model)
    context = ray.data.DataContext.get_current()
    context.execution_no_progress_timeout_s = -1  # files have limits of their own, and may wait for a machine
    files_a_block = min(FILES_A_BLOCK, max(1, len(task.parcels) // (BLOCKS_A_CPU * max(cpus, 1))))
    node = ray.get_runtime_context().get_node_id()
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
    blobs = (
        ray.remote(_Blobs)
        .options(num_cpus=0, max_concurrency=FETCHES, scheduling_strategy=here)
        .remote(task.blobs)
    )
    made = (
        ray.data.from_items(
            [asdict(parcel) for parcel in task.parcels],
            override_num_blocks=math.ceil(len(task.parcels) / files_a_block),
        )
        .map(
            _Reader,
            fn_constructor_args=(terms, task.makers, blobs),
            num_cpus=1,
            compute=ActorPoolStrategy(min_size=1, max_size=max(1, cpus - 1)),
        )
        .map_batches(
            _Embedder,
            fn_constructor_args=(terms, task.makers),
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=per_model,
            num_gpus=1 if terms.device == "cuda" else None,
            compute=ActorPoolStrategy(min_size=1, max_size=most_models),
        )
    )
    for row in made.iter_rows():
        yield Parcel(**row)


class _Blobs:
    """On the owner's machine: gives workers the bytes of files, wherever they run."""

    def __init__(self, root: Path) -> None:
        self._store = BlobStore(root)

    def read(self, sha256: str) -> bytes:
        return self._store.path(sha256).read_bytes()


class _Reader:
    """An actor of the first pool; its sandbox lives as long as it does."""

    def __init__(self, terms: Terms, makers: Makers, blobs: Any) -> None:  # noqa: ANN401 - an actor's handle
        import ray

        self._read = Reading(
            terms,
            tokenizer=lambda: makers.tokenizer(terms.settings),
            bytes_of=lambda sha256: ray.get(blobs.read.remote(sha256)),
        )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return asdict(self._read(Parcel(**row)))


class _Embedder:
    """An actor of the second pool; it holds the model."""

    def __init__(self, terms: Terms, makers: Makers) -> None:
        self._embed = Embedding(terms, embedder=lambda: makers.embedder(terms.settings))

    def __call__(self, block: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        parcels = [Parcel(**row) for row in block.to_pylist()]
        return pa.Table.from_pylist([asdict(each) for each in self._embed(parcels)])
