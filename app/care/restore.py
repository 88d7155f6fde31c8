"""Put a backup into a new data directory: all of it checked first, the database last."""

import shutil
from collections.abc import Callable
from pathlib import Path

from app.care.archive import DATABASE, Manifest, Member
from app.care.writing import require_room, take_out, write_file
from app.errors import BadRequest
from app.storage.lock import DirectoryLock
from app.storage.snapshot import read_snapshot

STAGE = "restoring"
Step = Callable[[str, int, int], None]


def restore(backup: Path, data_dir: Path, step: Step = lambda *_: None) -> Manifest:
    """Restore a backup into a directory that is new or empty; what the backup was made of is given back.

    Everything is written beside its place and compared with the manifest before any of it counts. The
    database comes last: a directory with files but without one is refused by every command. Raises
    ``BackupDamaged``, ``BadRequest`` or ``DiskFull``, after which the directory is as it was.
    """
    made = not data_dir.exists()
    if not made and (not data_dir.is_dir() or any(each.name != "lock" for each in data_dir.iterdir())):
        raise BadRequest(f"{data_dir} is not empty; give --to a directory that is new or empty")
    if not backup.exists():
        raise BadRequest(f"{backup} does not exist; name the file or folder that `touchstone backup` wrote")
    lock = DirectoryLock(data_dir)
    stage = data_dir / STAGE
    done = False
    try:
        size = (
            sum(each.stat().st_size for each in backup.rglob("*"))
            if backup.is_dir()
            else backup.stat().st_size
        )
        require_room(data_dir, size)
        stage.mkdir(mode=0o700)

        def take(member: Member) -> None:
            write_file(member.pieces, stage / member.name)  # its name was checked against all there can be

        manifest = take_out(backup, take, step)
        read_snapshot(stage / DATABASE)
        if (stage / "blobs").is_dir():
            (stage / "blobs").rename(data_dir / "blobs")
        (stage / DATABASE).rename(data_dir / DATABASE)
        done = True
        return manifest
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if not done:
            shutil.rmtree(data_dir / "blobs", ignore_errors=True)
        lock.release()
        if not done:
            (data_dir / "lock").unlink(missing_ok=True)
            if made:
                data_dir.rmdir()
