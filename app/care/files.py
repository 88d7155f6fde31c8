"""The uploaded bytes and temporary files of a data directory: what is missing, damaged, unused, left."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.care.findings import EXAMPLES, Finding
from app.services import Services
from app.storage.survey import Survey

PIECE = 1_000_000
LEAST_AGE_S = 300.0  # an upload writes more often than that, or has been given up


class FileSurvey:
    """Compares ``blobs/`` and ``tmp/`` with what the database refers to; every byte is read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._blobs = services.settings.data_dir / "blobs"
        self._tmp = services.settings.data_dir / "tmp"
        self._aside = services.settings.data_dir / "aside"

    def findings(self, step: Callable[[str, int, int], None] = lambda *_: None) -> list[Finding]:
        """What is wrong."""
        found = []
        used = Survey(self._services.database).files()
        for code, names in (
            ("files_missing", [f"{used[sha]} ({sha[:12]})" for sha in self.missing(used)]),
            ("files_damaged", [f"{used.get(sha, '?')} ({sha[:12]})" for sha in self.damaged(step)]),
            ("files_unused", [sha[:12] for sha in self.unused()]),
            ("files_foreign", [str(path.relative_to(self._blobs)) for path in self.foreign()]),
            ("tmp_left", [path.name for path in self.left()]),
        ):
            if names:
                found.append(Finding(code, len(names), examples=tuple(names[:EXAMPLES])))
        return found

    def missing(self, used: dict[str, str]) -> list[str]:
        """Hashes of bytes that the database refers to and that are not there."""
        missing = [sha for sha in used if not self._services.blobs.path(sha).is_file()]
        return [sha for sha in missing if self._services.documents.uses(sha)]  # not deleted meanwhile

    def damaged(self, step: Callable[[str, int, int], None] = lambda *_: None) -> list[str]:
        """Names (the hashes they should have) of files whose bytes have another hash."""
        kept = list(self._kept())
        found = []
        for number, path in enumerate(kept):
            step("files", number, len(kept))
            try:
                if sha256_of(path) != path.name:
                    found.append(path.name)
            except FileNotFoundError:  # deleted with its document meanwhile
                continue
            except OSError:
                found.append(path.name)
        return found

    def unused(self) -> list[str]:
        """Hashes of kept bytes that neither a document nor a job refers to."""
        uses = self._services.documents.uses
        unused = [path.name for path in self._kept() if not uses(path.name)]
        with self._services.blobs.settled():  # bytes are in place a moment before their job is known
            return [sha for sha in unused if not uses(sha) and self._services.blobs.path(sha).is_file()]

    def foreign(self) -> list[Path]:
        """Everything under ``blobs/`` that is no file of ours."""
        ours = set(self._kept())
        return sorted(path for path in self._blobs.rglob("*") if not path.is_dir() and path not in ours)

    def left(self) -> list[Path]:
        """Temporary files nobody has written to for long enough."""
        oldest = time.time() - max(LEAST_AGE_S, 2 * self._services.settings.jobs.upload_idle_s)
        left = []
        for path in sorted(self._tmp.glob("*")):
            try:
                if path.stat().st_mtime < oldest:
                    left.append(path)
            except FileNotFoundError:
                continue
        return left

    def repair(self) -> None:
        """Delete what is unused or temporary; move what is damaged or foreign into ``aside/``."""
        for path in [*map(self._services.blobs.path, self.damaged()), *self.foreign()]:
            with self._services.blobs.settled():
                self._move_aside(path)
        for sha256 in self.unused():
            self._services.blobs.discard(sha256, self._services.documents.uses)
        for path in self.left():
            path.unlink(missing_ok=True)

    def _move_aside(self, path: Path) -> None:
        self._aside.mkdir(mode=0o700, exist_ok=True)
        target, number = self._aside / path.name, 1
        while target.exists():
            number += 1
            target = self._aside / f"{path.name}.{number}"
        path.rename(target)

    def _kept(self) -> Iterator[Path]:
        for path in sorted(self._blobs.glob("??/*")):
            name = path.name
            ours = (
                len(name) == 64 and not set(name) - set("0123456789abcdef") and path.parent.name == name[:2]
            )
            if ours and path.is_file() and not path.is_symlink():
                yield path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
