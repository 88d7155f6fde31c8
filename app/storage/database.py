"""SQLite: one file, one connection a thread, one writer at a time."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from app.errors import DataDirectoryDamaged, DiskFull, StorageBusy
from retrieval.postings_store import create_tables

MIGRATIONS = (
    "001_initial.sql",
    "002_instructions.sql",
    "003_token_ids.sql",
    "004_jobs.sql",
    "005_chunking.sql",
    "006_trash_and_answers.sql",
    "007_golden_and_floors.sql",
    "008_page_spans.sql",
    "009_word_index.sql",
    "010_accounts.sql",
    "011_conversations.sql",
    "012_suspicious.sql",
    "013_idempotency.sql",
    "014_evaluations.sql",
    "015_assistants.sql",
    "016_gaps.sql",
    "017_monitoring.sql",
)
BUSY_S = 30.0  # seconds a writer waits for another process
RETRY_S = 5
RESTORING = "restoring"  # the folder in which a restore writes what is not yet in its place
RESTORE = "put a backup into a new directory with `touchstone restore BACKUP --to DIRECTORY`"
StorageError = sqlite3.Error


def require_database(data_dir: Path) -> None:
    """Raise ``DataDirectoryDamaged`` where the database is gone or not yet there, but should be.

    An empty one in its place would make everything else look like rubbish to be swept.
    """
    path = data_dir / "touchstone.sqlite3"
    if path.is_file() and path.stat().st_size:
        shutil.rmtree(data_dir / RESTORING, ignore_errors=True)  # of a restore that has done its work
        return
    if (data_dir / RESTORING).exists():
        raise DataDirectoryDamaged(
            f"a restore into {data_dir} was stopped half-way; do it again with `touchstone restore BACKUP "
            f"--to {data_dir}`"
        )
    if next((data_dir / "blobs").glob("??/*"), None) is not None:
        raise DataDirectoryDamaged(
            f"database {path} is {'empty' if path.is_file() else 'missing'}, but uploaded files are there; "
            f"{RESTORE}, or move {data_dir / 'blobs'} away to begin anew"
        )


def open_database(data_dir: Path, busy_s: float) -> "Database":
    """The database of a data directory; see ``require_database`` and ``Database``."""
    require_database(data_dir)
    return Database(data_dir / "touchstone.sqlite3", busy_s=busy_s)


class Database:
    """The database file. Readers never wait for the writer (WAL); writers wait for each other.

    ``connection`` is this thread's own. Inside ``transaction`` the same connection writes, so an adapter that
    is given ``database.connection`` takes part in whatever transaction its caller has opened.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        """Open or create the file and bring its tables up to date.

        ``busy_s``: how long a writer waits for another one, of this process or of others. Raises
        ``DataDirectoryDamaged``, ``StorageBusy`` or ``DiskFull``.
        """
        self._path = path
        self._busy_s = busy_s
        self._sound = False
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.RLock()
        self._writing = False  # whether whoever holds it has begun
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with _saying(path):
                self._migrate()
        except BaseException:
            self.close()
            raise

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode outside ``transaction``."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, timeout=self._busy_s
            )
            connection.row_factory = sqlite3.Row
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                    connection.execute(f"PRAGMA {pragma}")
            except BaseException:
                connection.close()
                raise
            self._local.connection = connection
            with self._guard:
                self._opened.append(connection)
        return connection

    @contextmanager
    def transaction(self, *, wait_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """All or nothing: commits at the end, rolls back on any exception. Nested: the outermost counts.

        ``wait_s``: how long to wait for another writer of this process, where that is not as long as ever.
        Raises ``DiskFull``; ``StorageBusy`` where another writer kept the file for longer than is waited;
        ``DataDirectoryDamaged``.
        """
        with _saying(self._path):
            connection = self.connection()
            if connection.in_transaction:
                yield connection
                return
            waited_s = self._busy_s if wait_s is None else wait_s
            if not self._writer.acquire(timeout=waited_s):
                raise StorageBusy(
                    f"something has been writing to the database for {waited_s:g} s; try again shortly",
                    RETRY_S,
                )
            try:
                connection.execute("BEGIN IMMEDIATE")
                self._writing = True
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    _roll_back(connection)
                    raise
            finally:
                self._writing = False
                self._writer.release()

    def require_writable(self, within_s: float = 0.5) -> None:
        """Raise what ``transaction`` raises where no transaction can begin within that time.

        One of this process that is under way is proof enough that one can; one that waits for another process
        is not.
        """
        with _saying(self._path):
            if not self._writer.acquire(timeout=within_s):
                if self._writing:
                    return
                raise StorageBusy("another process keeps the database locked; stop it", RETRY_S)
            try:
                connection = self.connection()
                if connection.in_transaction:
                    return
                connection.execute(f"PRAGMA busy_timeout={round(within_s * 1000)}")
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                finally:
                    connection.execute(f"PRAGMA busy_timeout={round(self._busy_s * 1000)}")
            finally:
                self._writer.release()

    def require_sound(self) -> None:
        """Read every page of every table and index once. Raises ``DataDirectoryDamaged``.

        What the word index makes of its own tables is left to ``doctor``, who can mend it. About 1 s a GB;
        nothing where it was done before.
        """
        if self._sound:
            return
        with _saying(self._path):
            connection = self.connection()
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
            ).fetchall()
            for (name,) in tables:
                (found,) = connection.execute(f'PRAGMA quick_check("{name}")').fetchone()
                if found != "ok":
                    raise _damaged(self._path, found)
        self._sound = True

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
                (reached,) = connection.execute("PRAGMA user_version").fetchone()
                if reached >= number:  # another process has opened the file at the same moment
                    continue
                for statement in script.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number}")
        with self.transaction():
            create_tables(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite has rolled back by itself after some errors, as a full disk
        connection.execute("ROLLBACK")


def in_words(error: Exception, path: Path | None = None) -> Exception:
    """An error of SQLite in the application's words; any other as it is.

    ``StorageBusy`` and ``DiskFull`` are worth waiting for. SQLite gives a full disk many names: it may find
    no room for a page, for the index of its log, or for a file beside the database.
    """
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code of an extended one
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageBusy(
            "another process keeps the database locked; stop it, or try again shortly", RETRY_S
        )
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("the disk is full: the database cannot grow; free some space")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return DiskFull(
            f"the disk takes nothing more of the database ({error}): it is full, over a quota, read-only or "
            "failing; free some space or look at the disk"
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, error)
    return error


@contextmanager
def _saying(path: Path) -> Iterator[None]:
    """Raise ``in_words`` of an error instead of it."""
    try:
        yield
    except sqlite3.Error as error:
        said = in_words(error, path)
        if said is error:
            raise
        raise said from error


def _damaged(path: Path | None, why: object) -> DataDirectoryDamaged:
    return DataDirectoryDamaged(
        f"database {path or ''} cannot be read ({why}); {RESTORE}, or choose another TOUCHSTONE_DATA_DIR"
    )
