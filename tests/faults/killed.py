"""A process that ingests a few files and is killed on the way; ``python -m tests.faults.killed``."""

import os
import subprocess
import sys
import time
from pathlib import Path

from app.failpoints import KILLED
from app.services import Services
from app.settings import Settings, load_settings
from app.wiring import build_models

COLLECTION = "handbook"
TIMEOUT_S = 60


def settings_of(data_dir: Path, *, trash_days: float = 0) -> Settings:
    """Settings of the starter profile on a data directory; what is deleted or replaced is not kept."""
    return Settings(data_dir=data_dir, profile="starter", demo=False, trash_days=trash_days)


def opened(data_dir: Path, *, trash_days: float = 0) -> Services:
    """Services as a new process would open them, with nothing running yet."""
    services = Services(settings_of(data_dir, trash_days=trash_days), build_models=build_models)
    services.load()
    return services


def run_killed(data_dir: Path, files: Path, failpoints: str, *, action: str = "ingest") -> int:
    """Run ``action`` in a process of its own with these fail points; its exit status."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")},
        "TOUCHSTONE_FAILPOINTS": failpoints,
    }
    command = [sys.executable, "-m", "tests.faults.killed", action, str(data_dir), str(files)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode in (0, KILLED), done.stderr
    return done.returncode


def contents(services: Services) -> dict[str, object]:
    """Everything a reader could find, without the ids that differ from run to run."""
    collection = services.collections.named(COLLECTION)
    shown: dict[str, object] = {}
    for row in services.documents.shown(collection.id):
        chunks = services.chunks.of_document(row.id)
        shown[row.name] = (row.sha256, [(chunk.text, chunk.start, chunk.pages) for chunk in chunks])
    return shown


def check_whole(services: Services, *, within_s: float = 1.0) -> None:
    """SQLite, vectors, words, blobs and jobs agree; nothing is left over, soon after the last job ended."""
    deadline = time.monotonic() + within_s
    while True:
        services.library.settle()
        try:
            return _check(services)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _check(services: Services) -> None:
    collection = services.collections.named(COLLECTION)
    connection = services.database.connection()

    def count(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0])

    assert services.vectors.count(collection.id) == collection.chunks
    shown = "JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
    assert services.lexical.count() == collection.chunks == count(f"SELECT count(*) FROM chunk k {shown}")  # noqa: S608
    assert count("SELECT count(*) FROM chunk WHERE vector = x''") == 0
    kept_whole = "kept_until IS NOT NULL AND NOT in_vectors AND NOT in_words"
    assert count(f"SELECT count(*) FROM version WHERE state <> 'current' AND NOT ({kept_whole})") == 0  # noqa: S608
    assert count("SELECT count(*) FROM document WHERE current_version = 0 AND deleted_version = 0") == 0
    assert count("SELECT count(*) FROM job WHERE held = 1 OR lease IS NOT NULL") == 0
    assert count("SELECT count(*) FROM parse_result") == 0
    assert count("SELECT count(*) FROM vector_partition WHERE state <> 'current'") == 0
    blobs = services.settings.data_dir / "blobs"
    kept = {path.name for path in blobs.rglob("*") if path.is_file()}
    assert kept == {row[0] for row in connection.execute("SELECT sha256 FROM version")}
    tmp = services.settings.data_dir / "tmp"
    assert not tmp.exists() or not list(tmp.iterdir())


def finish(services: Services) -> list[str]:
    """Let everything that was acknowledged come to its end; the states of the jobs."""
    services.ingestion.start()
    service = services.ingestion.service
    return [job.state for job in service.wait([job.id for job in service.jobs.open()])]


def _main(action: str, data_dir: Path, files: Path) -> None:
    settings = load_settings()  # arms the fail points
    trash_days = 30 if action in ("restore", "rollback") else 0
    settings = settings_of(data_dir, trash_days=trash_days).model_copy(update={"jobs": settings.jobs})
    with Services(settings, build_models=build_models) as services:
        services.load()
        if action == "reindex":
            list(services.reindex(COLLECTION, lambda _: lambda *_: None))
        elif action == "delete":
            with services.writing() as library:
                library.delete(COLLECTION, sorted(path.name for path in files.iterdir())[0])
        elif action == "restore":
            services.caretaker.trash.restore(COLLECTION, "leave.md")
        elif action == "rollback":
            services.caretaker.trash.rollback(COLLECTION, "leave.md", 1)
        else:
            services.ingest([(path, path.name) for path in sorted(files.iterdir())], COLLECTION)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
