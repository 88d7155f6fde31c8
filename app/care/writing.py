"""Put a backup on the disk: beside its place first, checked, then renamed; nothing there is overwritten."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.care.archive import (
    MANIFEST,
    BackupDamaged,
    Entry,
    Manifest,
    Member,
    blob_name,
    from_folder,
    from_tar,
    unpack_manifest,
)
from app.errors import BadRequest, DiskFull

SPARE_BYTES = 50_000_000
Step = Callable[[str, int, int], None]


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A place beside the target, which becomes the target when the block ends well, and is removed if not.

    Raises ``BadRequest`` where the target is there already, or its folder is not.
    """
    if target.exists() or target.is_symlink():
        raise BadRequest(f"{target} exists already and is not overwritten; choose another name")
    if not target.parent.is_dir():
        raise BadRequest(f"the folder {target.parent} does not exist; make it first")
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield part
        if part.is_dir():
            part.rename(target)  # fails where anything has come into its place
        else:
            os.link(part, target)  # as a rename that overwrites nothing
        _sync(target.parent)
    except FileExistsError as error:
        raise BadRequest(f"{target} was made by somebody else meanwhile and is not overwritten") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)


def require_room(folder: Path, size_bytes: int) -> None:
    """Raise ``DiskFull`` unless so much fits on the disk of that folder, and a little more."""
    free = shutil.disk_usage(folder).free
    if free < size_bytes + SPARE_BYTES:
        raise DiskFull(f"{folder} has {free:,} bytes free; {size_bytes + SPARE_BYTES:,} are needed")


def write_file(pieces: Iterable[bytes], path: Path) -> None:
    """Write a file that is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def write_folder(members: Iterable[Member], folder: Path) -> None:
    """Write a backup as a folder."""
    folder.mkdir(mode=0o700)
    for member in members:
        write_file(member.pieces, folder / member.name)


@contextmanager
def reading(backup: Path) -> Iterator[Iterator[Member]]:
    """The members of a backup, archive or folder. Raises ``BadRequest`` where there is none."""
    if backup.is_dir():
        if not (backup / MANIFEST).is_file():
            raise BadRequest(f"{backup} is no backup: it has no {MANIFEST}")
        yield from_folder(backup)
    elif backup.is_file():
        with backup.open("rb") as file:
            yield from_tar(file)
    else:
        raise BadRequest(f"{backup} does not exist; name the file or folder that `touchstone backup` wrote")


def take_out(
    backup: Path, take: Callable[[Member], None] | None = None, step: Step = lambda *_: None
) -> Manifest:
    """Read a whole backup and compare every byte with its manifest, which is given back.

    ``take`` gets each member but the manifest and reads it; what it wrote is not to be used unless this
    returns. Raises ``BackupDamaged`` naming what is not as it was.
    """
    found: list[Entry] = []
    manifest: Manifest | None = None
    done, total = 0, _size(backup)
    with reading(backup) as members:
        for member in members:
            if manifest is not None:
                raise BackupDamaged(f"the archive goes on with {member.name} after its {MANIFEST}")
            if member.name == MANIFEST:
                manifest = unpack_manifest(b"".join(member.pieces))
                continue
            digest = hashlib.sha256()
            heard = Member(member.name, member.size, _heard(member.pieces, digest.update))
            if take is not None:
                take(heard)
            for _ in heard.pieces:  # what nobody took
                pass
            found.append(Entry(name=member.name, size=member.size, sha256=digest.hexdigest()))
            done += member.size
            step(f"checking {backup.name}", done, total)
    if manifest is None:
        raise BackupDamaged(f"{backup} has no {MANIFEST}; it was cut off or is no backup")
    _compare(found, manifest)
    return manifest


def _compare(found: list[Entry], manifest: Manifest) -> None:
    wanted = {each.name: each for each in manifest.entries}
    for each in found:
        if each.name not in wanted:
            raise BackupDamaged(f"{each.name} is not named by {MANIFEST}; the backup was changed")
        if each != wanted[each.name]:
            raise BackupDamaged(
                f"{each.name} is damaged: its SHA-256 is {each.sha256[:12]}…, {MANIFEST} says "
                f"{wanted[each.name].sha256[:12]}…; nothing was restored, take another backup"
            )
    if lacking := sorted(set(wanted) - {each.name for each in found}):
        raise BackupDamaged(f"{lacking[0]} is missing ({len(lacking)} in all); take another backup")
    if [each.name for each in found] != [each.name for each in manifest.entries]:
        raise BackupDamaged(
            "the members stand in another order than they were written; the backup was changed"
        )
    for each in manifest.entries:
        if each.name.startswith("blobs/") and each.name != blob_name(each.sha256):
            raise BackupDamaged(f"{each.name} does not hold the bytes its name promises")


def _heard(pieces: Iterable[bytes], hear: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        hear(piece)
        yield piece


def _size(backup: Path) -> int:
    if backup.is_dir():
        return sum(path.stat().st_size for path in backup.rglob("*") if path.is_file())
    return backup.stat().st_size if backup.is_file() else 0


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
