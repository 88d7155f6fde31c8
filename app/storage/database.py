"""SQLite: one file, one connection a thread, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from app.errors import DataDirectoryDamaged
from retrieval import fts5

MIGRATIONS = ("001_initial.sql", "002_instructions.sql")


class Database:
    """The database file. Readers never wait for the writer (WAL); writers wait for each other.

    ``connection`` is this thread's own. Inside ``transaction`` the same connection writes, so an adapter that
    is given ``database.connection`` takes part in whatever transaction its caller has opened.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its tables up to date. Raises ``DataDirectoryDamaged``."""
        self._path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.close()
            raise DataDirectoryDamaged(
                f"database {path} cannot be read ({error}); restore it from a backup "
                "or choose another TOUCHSTONE_DATA_DIR"
            ) from error

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode outside ``transaction``."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, timeout=30
            )
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
            with self._guard:
                self._opened.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: commits at the end, rolls back on any exception. Nested: the outermost counts."""
        connection = self.connection()
        with self._writer:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    def _migrate(self) -> None:
        connection = self.connection()
        (at,) = connection.execute("PRAGMA user_version").fetchone()
        if at > len(MIGRATIONS):
            raise DataDirectoryDamaged(
                f"database {self._path} is of version {at}, newer than this program knows "
                f"({len(MIGRATIONS)}); "
                "install a newer touchstone-kb"
            )
        for number, name in enumerate(MIGRATIONS[at:], start=at + 1):
            script = resources.files("app.storage").joinpath("migrations", name).read_text(encoding="utf-8")
            with self.transaction():
                for statement in script.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number}")
        with self.transaction():
            fts5.create_tables(connection)
