"""Put a backup into a new data directory: all of it checked first, the database last."""

import shutil
from collections.abc import Callable
from pathlib import Path

from app.care.archive import DATABASE, Manifest, Member
from app.care.writing import require_room, take_out, write_file
from app.errors import BadRequest
from app.failpoints import hit
from app.storage.database import RESTORING
from app.storage.lock import DirectoryLock
from app.storage.snapshot import read_snapshot

Step = Callable[[str, int, int], None]


def restore(backup: Path, data_dir: Path, step: Step = lambda *_: None) -> Manifest:
    """Restore a backup into a directory that is new or empty; what the backup was made of is given back.

    Everything is written beside its place and compared with the manifest before any of it counts. The
    database comes last: a directory without one that was being restored, or has files, is refused by every
    other command. What a stop left of an earlier restore is replaced. Raises ``BackupDamaged``,
    ``BadRequest`` or ``DiskFull``, after which the directory is as it was.
    """
    made = not data_dir.exists()
    if not made and not _usable(data_dir):
        raise BadRequest(f"{data_dir} is not empty; give --to a directory that is new or empty")
    if not backup.exists():
        raise BadRequest(f"{backup} does not exist; name the file or folder that `touchstone backup` wrote")
    lock = DirectoryLock(data_dir)
    stage = data_dir / RESTORING
    done = False
    try:
        size = (
            sum(each.stat().st_size for each in backup.rglob("*"))
            if backup.is_dir()
            else backup.stat().st_size
        )
        _clear(data_dir)
        require_room(data_dir, size)
        stage.mkdir(mode=0o700)

        def take(member: Member) -> None:
            write_file(member.pieces, stage / member.name)  # its name was checked against all there can be

        manifest = take_out(backup, take, step)
        read_snapshot(stage / DATABASE)
        hit("unpack.before")
        if (stage / "blobs").is_dir():
            (stage / "blobs").rename(data_dir / "blobs")
        hit("unpack.half")
        (stage / DATABASE).rename(data_dir / DATABASE)
        done = True
        return manifest
    finally:
        if done:
            shutil.rmtree(stage, ignore_errors=True)
        else:
            _clear(data_dir)
        lock.release()
        if not done:
            (data_dir / "lock").unlink(missing_ok=True)
            if made:
                data_dir.rmdir()


def _usable(data_dir: Path) -> bool:
    """Whether there is nothing in it but the lock and what a restore, broken off by a stop, has left."""
    if not data_dir.is_dir():
        return False
    names = {each.name for each in data_dir.iterdir()} - {"lock"}
    return not names or (RESTORING in names and names <= {RESTORING, "blobs"})


def _clear(data_dir: Path) -> None:
    """Remove what is left of a restore; the stage last, by which it is known."""
    shutil.rmtree(data_dir / "blobs", ignore_errors=True)
    shutil.rmtree(data_dir / RESTORING, ignore_errors=True)
