"""A process that does one thing and is killed on the way."""

from collections.abc import Callable, Mapping
from pathlib import Path

from app import failpoints
from app.care.care import Care
from app.care.restore import restore
from app.services import Services
from tests.faults.forked import ended, start
from tests.faults.whole import COLLECTION, opened

CUT = (32, 0)  # tokens and overlap: so small that a reindex makes other chunks
Action = Callable[[Services, Path], object]


def run_killed(data_dir: Path, action: str, spec: str, *, trash_days: float = 0) -> int:
    """Do one of ``ACTIONS`` in a process of its own, where it is killed at a fail point; its exit status.

    Fail points count from when everything is loaded, but for what happens while it loads (``start``).
    Files to ingest lie in the folder ``files`` beside the data directory, a backup in ``backup``.
    """
    log = data_dir.with_name(f"{data_dir.name}.log")
    return ended(start(_act, data_dir, action, spec, trash_days, log=log), log=log)


def _act(data_dir: Path, action: str, spec: str, trash_days: float) -> None:
    if action == "unpack":
        failpoints.arm(spec)
        restore(data_dir.with_name("backup"), data_dir)
        return
    if action == "start":
        failpoints.arm(spec)
    with opened(data_dir, trash_days=trash_days) as services:
        failpoints.arm(spec)
        ACTIONS[action](services, data_dir.with_name("files"))


def _ingest(services: Services, files: Path) -> None:
    services.ingest([(path, path.name) for path in sorted(files.iterdir())], COLLECTION)


def _cancel(services: Services, files: Path) -> None:
    """Of a file that waits: no worker runs."""
    collection, path = services.collections.create(COLLECTION), min(files.iterdir())
    job = services.ingestion.service.submit_path(path, path.name, collection.id)
    services.ingestion.service.cancel(job.id)


def _reindex(services: Services, files: Path) -> None:
    services.collections.set_chunking(services.collections.named(COLLECTION).id, *CUT)
    list(services.reindex(COLLECTION, lambda _: lambda *_: None))


ACTIONS: Mapping[str, Action] = {
    "start": lambda services, files: None,
    "unpack": lambda services, files: None,
    "ingest": _ingest,
    "cancel": _cancel,
    "reindex": _reindex,
    "delete": lambda services, files: services.library.delete(COLLECTION, "leave.md"),
    "delete collection": lambda services, files: services.library.delete_collection(COLLECTION),
    "restore": lambda services, files: services.caretaker.trash.restore(COLLECTION, "leave.md"),
    "rollback": lambda services, files: services.caretaker.trash.rollback(COLLECTION, "leave.md", 1),
    "purge": lambda services, files: services.caretaker.trash.purge(COLLECTION),
    "rebuild": lambda services, files: Care(services).rebuild(None),
}
