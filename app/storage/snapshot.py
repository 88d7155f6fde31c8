"""A copy of the database as it is at one moment, made while others write."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import DataDirectoryDamaged
from app.storage.database import MIGRATIONS

PAGES = 2_000  # copied between two calls of ``step``: 8 MB
COUNTED = ("collection", "document", "version", "chunk", "job")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a copied database holds: rows by table, and the SHA-256 of every file it refers to."""

    schema: int
    counts: dict[str, int]
    files: tuple[str, ...]


def copy_database(source: Path, target: Path, step: Callable[[int, int], None] = lambda *_: None) -> None:
    """Copy the database, but no sessions, through SQLite's online backup.

    ``step`` hears of pages done and in all.

    A read transaction is held meanwhile, so that the copy is of one moment and writers never make it start
    again (sqlite.org/backup.html); writers are not kept waiting.
    """
    reading = sqlite3.connect(source, isolation_level=None)
    writing = sqlite3.connect(target, isolation_level=None)
    try:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(
            writing, pages=PAGES, sleep=0.0, progress=lambda _, left, total: step(total - left, total)
        )
        reading.execute("COMMIT")
        writing.execute("DELETE FROM session")  # what ended since would else be valid again once restored
        writing.execute("PRAGMA journal_mode = DELETE")  # one file, complete in itself
    finally:
        writing.close()
        reading.close()


def read_snapshot(path: Path) -> Snapshot:
    """Check a copied database and say what it holds. Raises ``DataDirectoryDamaged``."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise DataDirectoryDamaged(f"the database in {path} is damaged ({found})")
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            if schema > len(MIGRATIONS):
                raise DataDirectoryDamaged(
                    f"the database in {path} is of version {schema}, newer than this program knows "
                    f"({len(MIGRATIONS)}); install a newer touchstone-kb"
                )
            counts = {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in COUNTED
            }
            rows = connection.execute(
                "SELECT sha256 FROM version UNION SELECT sha256 FROM job WHERE held = 1 AND sha256 <> ''"
                " ORDER BY 1"
            )
            return Snapshot(schema, counts, tuple(row[0] for row in rows))
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise DataDirectoryDamaged(f"the database in {path} cannot be read ({error})") from error
