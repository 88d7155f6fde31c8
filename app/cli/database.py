"""The rows of a data directory, for commands that need neither index nor models."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.options import opened
from app.errors import DataDirectoryLocked
from app.settings import Settings
from app.storage.blobs import BlobStore
from app.storage.database import Database


@contextmanager
def database_of(settings: Settings) -> Iterator[tuple[Database, BlobStore]]:
    """The database and the uploaded files, also while a server owns the directory.

    SQLite takes several processes; what must have one owner is the vector index, which is not opened here.
    """
    try:
        services = opened(settings)
    except DataDirectoryLocked:
        database = Database(settings.data_dir / "touchstone.sqlite3")
        try:
            yield database, BlobStore(settings.data_dir / "blobs")
        finally:
            database.close()
        return
    with services:
        yield services.database, services.blobs
