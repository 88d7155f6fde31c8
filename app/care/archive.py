"""The format of a backup: a tar archive (or a folder) in which no bit can change unseen.

Members, in this order: ``touchstone.sqlite3``, ``blobs/ab/<sha256>`` by name, ``manifest.json``. The manifest
holds size and SHA-256 of every other member, and its own checksum. Headers, padding and the end are exactly
those of ``tarfile`` (ustar) for name and size, and are compared byte by byte when an archive is read.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import TouchstoneError

DATABASE, MANIFEST = "touchstone.sqlite3", "manifest.json"
FORMAT = 1
PIECE = 1_000_000
LARGEST_MANIFEST = 500_000_000  # some two million files
BLOCK, RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
LARGEST = 8**11 - 1  # bytes of one member: what a ustar header can say
_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")


class BackupDamaged(TouchstoneError):
    """A backup that is incomplete, was changed, or is none; nothing was restored from it."""

    code = "backup_damaged"
    exit_code = 4


class Entry(BaseModel):
    """A member as the manifest knows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """What a backup holds. ``lacking``: hashes of files that were missing or damaged when it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    made_at: str
    version: str
    schema_version: int
    counts: dict[str, int]
    lacking: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A file on its way into or out of an archive; ``pieces`` are its bytes, to be read once."""

    name: str
    size: int
    pieces: Iterator[bytes]


def pack_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON that carries its own checksum."""
    body = manifest.model_dump(mode="json")
    checksum = hashlib.sha256(_json(body)).hexdigest()
    return _json({**body, "checksum": checksum})


def unpack_manifest(data: bytes) -> Manifest:
    """The manifest. Raises ``BackupDamaged`` unless it is byte for byte what ``pack_manifest`` wrote."""
    try:
        body = json.loads(data)
        checksum = body.pop("checksum")
        manifest = Manifest.model_validate(body)
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        raise BackupDamaged(
            f"{MANIFEST} cannot be read ({type(error).__name__}); take another backup"
        ) from error
    if hashlib.sha256(_json(body)).hexdigest() != checksum or pack_manifest(manifest) != data:
        raise BackupDamaged(f"{MANIFEST} was changed: its checksum is not right; take another backup")
    if manifest.format != FORMAT:
        raise BackupDamaged(
            f"the backup has format {manifest.format}, this program reads {FORMAT}; use the touchstone-kb "
            f"{manifest.version} that made it"
        )
    return manifest


def to_tar(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of an archive. Raises ``ValueError`` where a member has not the size it announced."""
    length = 0
    for member in members:
        yield _header(member.name, member.size)
        written = 0
        for piece in member.pieces:
            written += len(piece)
            yield piece
        if written != member.size:
            raise ValueError(f"{member.name} has {written:,} bytes, {member.size:,} were announced")
        padding = b"\0" * (-written % BLOCK)
        yield padding
        length += BLOCK + written + len(padding)
    length += 2 * BLOCK
    yield b"\0" * (2 * BLOCK + -length % RECORD)


def from_tar(file: BinaryIO) -> Iterator[Member]:
    """The members of an archive, each of which has to be read before the next.

    Raises ``BackupDamaged`` for every byte that ``to_tar`` would not have written, and for names other than
    those of a backup, whatever they are: no name becomes a path unless it is one of ours.
    """
    place = 0
    while (block := file.read(BLOCK)) != b"\0" * BLOCK:
        if len(block) < BLOCK:
            raise BackupDamaged(
                f"the archive ends after {place + len(block):,} bytes, too early; it was cut off"
            )
        name, size = _read_header(block, place)
        yield Member(name, size, _pieces(file, size, name))
        padding = -size % BLOCK
        if file.read(padding) != b"\0" * padding:
            raise BackupDamaged(f"the archive was changed in the padding after {name}")
        place += BLOCK + size + padding
    rest = file.read(2 * RECORD)
    wanted = BLOCK + -(place + 2 * BLOCK) % RECORD
    if rest != b"\0" * wanted:
        raise BackupDamaged(f"the archive does not end as it should (after {place:,} bytes); it was changed")


def from_folder(folder: Path) -> Iterator[Member]:
    """The members of a backup that is a folder, the manifest last. Raises as ``from_tar``."""
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BackupDamaged(f"{path} is no plain file; a backup holds nothing else")
        if path.is_file():
            check_name(name)
            names.append(name)
    for name in sorted(names, key=_order):
        with (folder / name).open("rb") as file:
            size = (folder / name).stat().st_size
            yield Member(name, size, _pieces(file, size, name))


def check_name(name: str) -> None:
    """Raise ``BackupDamaged`` for the name of anything a backup does not hold."""
    if name not in (DATABASE, MANIFEST) and not _BLOB.fullmatch(name):
        raise BackupDamaged(f"the backup holds {name!r}, which is no part of a backup; it was changed")


def blob_name(sha256: str) -> str:
    """The member that holds the bytes of that hash."""
    return f"blobs/{sha256[:2]}/{sha256}"


def tar_size(sizes: Iterable[int]) -> int:
    """Bytes of an archive whose members have these sizes."""
    length = sum(BLOCK + size + -size % BLOCK for size in sizes) + 2 * BLOCK
    return length + -length % RECORD


def _order(name: str) -> tuple[int, str]:
    return (0 if name == DATABASE else 2 if name == MANIFEST else 1), name


def _header(name: str, size: int) -> bytes:
    if size > LARGEST:
        raise ValueError(f"{name} has {size:,} bytes; one file of an archive holds at most {LARGEST:,}")
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.USTAR_FORMAT)


def _read_header(block: bytes, place: int) -> tuple[str, int]:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        check_name(info.name)
        if _header(info.name, info.size) != block:
            raise ValueError("it is not as Touchstone writes it")
    except (tarfile.HeaderError, ValueError) as error:
        raise BackupDamaged(f"the archive was changed in the header at byte {place:,} ({error})") from error
    return info.name, info.size


def _pieces(file: BinaryIO, size: int, name: str) -> Iterator[bytes]:
    left = size
    while left:
        piece = file.read(min(PIECE, left))
        if not piece:
            raise BackupDamaged(f"the backup ends inside {name}; it was cut off")
        left -= len(piece)
        yield piece


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
