"""SQLite: one file, one connection a thread, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from app.errors import DataDirectoryDamaged, DiskFull, StorageBusy
from retrieval import fts5

MIGRATIONS = (
    "001_initial.sql",
    "002_instructions.sql",
    "003_token_ids.sql",
    "004_jobs.sql",
    "005_chunking.sql",
    "006_trash_and_answers.sql",
)
BUSY_S = 30.0  # seconds a writer waits for another process
RETRY_S = 5


def require_database(data_dir: Path) -> None:
    """Raise ``DataDirectoryDamaged`` where uploaded files are kept but the database is gone.

    An empty one in its place would make everything else look like rubbish to be swept.
    """
    path = data_dir / "touchstone.sqlite3"
    if path.is_file() and path.stat().st_size:
        return
    if next((data_dir / "blobs").glob("??/*"), None) is not None:
        raise DataDirectoryDamaged(
            f"database {path} is {'empty' if path.is_file() else 'missing'}, but uploaded files are there; "
            f"put a backup into a new directory with `touchstone restore BACKUP --to DIRECTORY`, or move "
            f"{data_dir / 'blobs'} away to begin anew"
        )


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
                f"database {path} cannot be read ({error}); put a backup into a new directory with "
                "`touchstone restore BACKUP --to DIRECTORY`, or choose another TOUCHSTONE_DATA_DIR"
            ) from error

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode outside ``transaction``."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_S
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
        """All or nothing: commits at the end, rolls back on any exception. Nested: the outermost counts.

        Raises ``DiskFull``, or ``StorageBusy`` where another process kept the file locked for ``BUSY_S``.
        """
        connection = self.connection()
        with self._writer:
            if connection.in_transaction:
                yield connection
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    _roll_back(connection)
                    raise
                try:
                    connection.execute("COMMIT")
                except BaseException:
                    _roll_back(connection)
                    raise
            except sqlite3.OperationalError as error:
                raise _told(error) from error

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


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite has rolled back by itself after some errors, as a full disk
        connection.execute("ROLLBACK")


def _told(error: sqlite3.OperationalError) -> Exception:
    """The error in the application's words where waiting or room on the disk would help; else as it is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code of an extended one
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageBusy(
            "another process keeps the database locked; stop it, or try again shortly", RETRY_S
        )
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("the disk is full: the database cannot grow; free some space")
    return error
