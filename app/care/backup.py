"""Make a backup while serving: the database of one moment, each file it refers to, a manifest of both."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from app.care.archive import (
    DATABASE,
    FORMAT,
    MANIFEST,
    PIECE,
    Entry,
    Manifest,
    Member,
    blob_name,
    pack_manifest,
)
from app.errors import DataDirectoryDamaged, TouchstoneError
from app.services import Services
from app.storage.snapshot import Snapshot, copy_database, read_snapshot

Step = Callable[[str, int, int], None]


class BackupFailed(TouchstoneError):
    """A file changed while it was copied; there is no backup."""

    code = "backup_failed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backup that can be written now. ``size_bytes``: of all members but the manifest."""

    snapshot: Path
    contents: Snapshot
    files: dict[str, int]
    lacking: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """What will be written, about: the manifest takes 200 bytes for each file."""
        return self.snapshot.stat().st_size + sum(self.files.values()) + 200 * (len(self.files) + 10)


@contextmanager
def prepared(services: Services, step: Step = lambda *_: None) -> Iterator[Prepared]:
    """Copy the database, and keep every file that it refers to until the block ends.

    Files that are deleted meanwhile are thrown away afterwards. Raises ``DiskFull``, or
    ``DataDirectoryDamaged`` where the database is not sound: a backup of it would be worth nothing.
    """
    source = services.settings.data_dir / DATABASE
    with services.blobs.keeping(), services.blobs.receive() as copy:
        services.ingestion.service.room(2 * source.stat().st_size)
        copy_database(source, copy.path, lambda done, total: step("database", done, total))
        step("checking the copy", 0, 1)
        try:
            contents = read_snapshot(copy.path)
        except DataDirectoryDamaged as error:
            raise DataDirectoryDamaged(
                f"{error}; no backup was made: restore the last good one into a new directory, and keep this "
                "one until that has succeeded"
            ) from error
        files, lacking = {}, []
        for sha256 in contents.files:
            path = services.blobs.path(sha256)
            if path.is_file():
                files[sha256] = path.stat().st_size
            else:
                lacking.append(sha256)
        yield Prepared(copy.path, contents, files, tuple(lacking))


def members(services: Services, backup: Prepared, step: Step = lambda *_: None) -> Iterator[Member]:
    """Everything that goes into the backup, the manifest last.

    Damaged files are left out, and the manifest names them. Raises ``BackupFailed``.
    """
    entries: list[Entry] = []
    lacking = list(backup.lacking)
    total, done = backup.size_bytes, 0
    for name, path, size in _sources(services, backup):
        wanted = path.name if name != DATABASE else ""
        if wanted and _sha256(path) != wanted:
            lacking.append(wanted)
            continue
        digest = hashlib.sha256()
        yield Member(name, size, _read(path, size, digest.update))
        sha256 = digest.hexdigest()
        if wanted and sha256 != wanted:
            raise BackupFailed(f"{path} changed while it was copied; there is no backup, try again")
        entries.append(Entry(name=name, size=size, sha256=sha256))
        done += size
        step("files", done, total)
    data = pack_manifest(
        Manifest(
            format=FORMAT,
            made_at=datetime.now(UTC).isoformat(),
            version=version("touchstone-kb"),
            schema_version=backup.contents.schema,
            counts=backup.contents.counts,
            lacking=tuple(sorted(lacking)),
            entries=tuple(entries),
        )
    )
    yield Member(MANIFEST, len(data), iter([data]))
    step("files", total, total)


def _sources(services: Services, backup: Prepared) -> Iterator[tuple[str, Path, int]]:
    yield DATABASE, backup.snapshot, backup.snapshot.stat().st_size
    for sha256, size in sorted(backup.files.items()):
        yield blob_name(sha256), services.blobs.path(sha256), size


def _read(path: Path, size: int, heard: Callable[[bytes], None]) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = size
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise BackupFailed(
                    f"{path} became shorter while it was copied; there is no backup, try again"
                )
            left -= len(piece)
            heard(piece)
            yield piece


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
