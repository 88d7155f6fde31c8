"""SIGKILL before and after every step of everything that writes: it ends as if nothing had happened."""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.care.care import Care
from app.care.restore import restore
from app.care.writing import write_folder
from app.errors import DataDirectoryDamaged
from app.failpoints import POINTS
from app.services import Services
from tests.faults.forked import KILLED
from tests.faults.killed import CUT, run_killed
from tests.faults.whole import COLLECTION, check_whole, contents, finish, opened

pytestmark = pytest.mark.fault

LEAVE = "# Leave\n\nEmployees have {} days of annual leave.\n\n## Sick leave\n\nA note is needed.\n" + (
    "The note has to name the first day and the last day, and has to be sent within three days. " * 3
)
TRAVEL = "# 出差\n\n机票由行政部统一预订，至少提前 {} 天。\n\n## 报销\n\n发票须盖发票专用章。\n"

RECEIVING = ("receive.before", "receive.half", "store.before", "store.blob", "store.after")
PREPARING = ("parse.before", "parse.after", "chunk.before", "chunk.after")
EMBEDDING = ("embed.before", "embed.batch", "embed.after", "index.before", "index.after")
PUBLISHING = ("publish.before", "publish.inside", "publish.after")
SWEEP = ("sweep.before", "sweep.after")
# What is done, on what is there already, and where it is killed on the way.
KILLS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("ingest", "nothing"): (*RECEIVING, *PREPARING, *EMBEDDING, *PUBLISHING, *SWEEP),
    ("ingest", "old versions"): (*RECEIVING[3:], *PREPARING, *EMBEDDING, *PUBLISHING, *SWEEP),
    ("cancel", "old versions"): ("cancel.before", "cancel.after", *SWEEP),
    ("reindex", "old versions"): (
        "reindex.before", *PREPARING, *EMBEDDING, *PUBLISHING, *SWEEP, "reindex.inside", "reindex.after",
    ),
    ("delete", "old versions"): ("delete.before", "delete.after", "cancel.after", *SWEEP),
    ("delete collection", "old versions"): (
        "delete.before", "delete.after", "cancel.after", *SWEEP, "drop.before", "drop.after",
    ),
    ("rebuild", "old versions"): ("rebuild.before", "rebuild.built", "rebuild.after", "rebuild.words"),
    ("start", "a publication broken off"): ("recover.before", "recover.after", *SWEEP),
    ("start", "no vector index"): ("refill.before", "refill.half"),
    ("start", "no word index"): ("refill.words",),
    ("start", "no words"): ("refill.words",),
}  # fmt: skip
KILLS_WITH_TRASH: Mapping[str, tuple[str, ...]] = {
    "delete": ("delete.before", "delete.after", *SWEEP),
    "restore": ("restore.indexed", "restore.after", *SWEEP),
    "rollback": ("restore.indexed", "restore.after", *SWEEP),
    "purge": ("purge.after", *SWEEP),
}
KILLS_OF_UNPACKING = ("unpack.before", "unpack.half")
DAYS = 30.0  # what is deleted or replaced is kept


@dataclass(frozen=True, slots=True)
class Origin:
    """What there is before something is killed, and what becomes of it where nothing is."""

    folders: Mapping[str, Path]
    old: Mapping[str, object]
    new: Mapping[str, object]
    cut: Mapping[str, object]

    def put(self, name: str, at: Path) -> Path:
        """A data directory of that sort."""
        shutil.copytree(self.folders[name], at / "data")
        if (self.folders["files"]).is_dir():
            shutil.copytree(self.folders["files"], at / "files")
        return at / "data"


def _write(folder: Path, leave: int, travel: int) -> list[tuple[Path, str]]:
    folder.mkdir()
    for name, text in (("leave.md", LEAVE.format(leave)), ("travel.md", TRAVEL.format(travel))):
        (folder / name).write_text(text, encoding="utf-8")
    return [(path, path.name) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    at = tmp_path_factory.mktemp("origin")
    old_files, new_files = _write(at / "before", 12, 3), _write(at / "files", 15, 4)
    names = {
        "nothing": at / "nothing",
        "old versions": at / "old",
        "a publication broken off": at / "half" / "data",
        "no vector index": at / "bare",
        "no word index": at / "wordless",
        "no words": at / "mute",
        "files": at / "files",
    }
    with opened(names["nothing"]) as services:
        services.collections.create(COLLECTION)
    with opened(names["old versions"]) as services:
        services.ingest(old_files, COLLECTION)
        old = contents(services)
    shutil.copytree(names["old versions"], names["no vector index"])
    shutil.rmtree(names["no vector index"] / "chroma")
    shutil.copytree(names["old versions"], names["no words"])
    with opened(names["no words"]) as services, services.database.transaction():
        services.lexical.remove(sorted(services.lexical.ids()))
    shutil.copytree(names["old versions"], names["no word index"])
    with closing(sqlite3.connect(names["no word index"] / "touchstone.sqlite3")) as connection:
        connection.executescript("DELETE FROM lexical_row; DELETE FROM lexical_term;")
    shutil.copytree(names["old versions"], names["a publication broken off"])
    shutil.copytree(at / "files", at / "half" / "files")
    assert run_killed(names["a publication broken off"], "ingest", "publish.after=kill") == KILLED
    shutil.copytree(names["old versions"], at / "new")
    with opened(at / "new") as services:
        services.ingest(new_files, COLLECTION)
        new = contents(services)
        services.collections.set_chunking(services.collections.named(COLLECTION).id, *CUT)
    shutil.copytree(names["old versions"], at / "cut")
    with opened(at / "cut") as services:
        services.collections.set_chunking(services.collections.named(COLLECTION).id, *CUT)
        list(services.reindex(COLLECTION, lambda _: lambda *_: None))
        cut = contents(services)
    assert len({repr(each) for each in (old, new, cut)}) == 3
    return Origin(names, old, new, cut)


def _ingest(services: Services, origin: Origin, killed_at: str) -> None:
    there = contents(services)
    waiting = {job.name for job in services.ingestion.jobs.open()}
    assert all(there[name] in (origin.old[name], origin.new[name]) for name in there)
    assert set(finish(services)) <= {"ready"}
    there = contents(services)
    assert waiting <= {name for name in there if there[name] == origin.new[name]}
    services.ingest([(origin.folders["files"] / name, name) for name in sorted(origin.new)], COLLECTION)
    assert contents(services) == origin.new


def _cancel(services: Services, origin: Origin, killed_at: str) -> None:
    assert set(finish(services)) <= ({"ready"} if killed_at == "cancel.before" else set())
    wanted = origin.new if killed_at == "cancel.before" else origin.old
    assert contents(services) == {**origin.old, "leave.md": wanted["leave.md"]}


def _reindex(services: Services, origin: Origin, killed_at: str) -> None:
    switched = killed_at in ("reindex.after", "sweep.after") and contents(services) == origin.cut
    assert switched or contents(services) == origin.old
    assert set(finish(services)) <= {"ready"}
    assert contents(services) == origin.cut


def _delete(services: Services, origin: Origin, killed_at: str) -> None:
    assert set(contents(services)) == ({"travel.md"} if killed_at != "delete.before" else set(origin.old))
    if killed_at == "delete.before":
        services.library.delete(COLLECTION, "leave.md")
    assert contents(services) == {"travel.md": origin.old["travel.md"]}


def _delete_collection(services: Services, origin: Origin, killed_at: str) -> None:
    assert contents(services) == (origin.old if killed_at == "delete.before" else {})
    if killed_at != "drop.after":
        services.library.delete_collection(COLLECTION)
    assert services.collections.all() == []


def _rebuild(services: Services, origin: Origin, killed_at: str) -> None:
    assert contents(services) == origin.old
    check_whole(services)
    assert Care(services).rebuild(None) == [COLLECTION]


def _start(services: Services, origin: Origin, killed_at: str) -> None:
    assert set(finish(services)) <= {"ready"}
    whole = origin.old if killed_at.startswith("refill") else origin.new
    assert contents(services) == whole


AFTERWARDS: Mapping[str, Callable[[Services, Origin, str], None]] = {
    "ingest": _ingest,
    "cancel": _cancel,
    "reindex": _reindex,
    "delete": _delete,
    "delete collection": _delete_collection,
    "rebuild": _rebuild,
    "start": _start,
}


@pytest.mark.parametrize(
    ("action", "there", "point"),
    [(action, there, point) for (action, there), points in KILLS.items() for point in points],
)
def test_killed_at_any_step_it_ends_as_if_nothing_had_happened(
    action: str, there: str, point: str, tmp_path: Path, origin: Origin
) -> None:
    data_dir = origin.put(there, tmp_path)
    assert run_killed(data_dir, action, f"{point}=kill") == KILLED
    with opened(data_dir) as services:
        AFTERWARDS[action](services, origin, point)
        check_whole(services)


@pytest.mark.parametrize(
    ("action", "point"), [(action, point) for action, points in KILLS_WITH_TRASH.items() for point in points]
)
def test_killed_on_the_way_to_or_from_the_trash_a_document_is_shown_whole_or_not_at_all(
    action: str, point: str, tmp_path: Path, origin: Origin
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(origin.folders["old versions"], data_dir)
    with opened(data_dir, trash_days=DAYS) as services:
        leave = contents(services)["leave.md"]
        if action == "rollback":
            services.ingest([(origin.folders["files"] / "leave.md", "leave.md")], COLLECTION)
        elif action != "delete":
            services.library.delete(COLLECTION, "leave.md")
        before = contents(services).get("leave.md")
    after = None if action in ("delete", "purge") else leave
    assert run_killed(data_dir, action, f"{point}=kill", trash_days=DAYS) == KILLED
    with opened(data_dir, trash_days=DAYS) as services:
        done = point not in ("delete.before", "restore.indexed")
        assert contents(services).get("leave.md") == (after if done else before)
        trash, collection = services.caretaker.trash, services.collections.named(COLLECTION)
        if action == "restore" and not done:
            trash.restore(COLLECTION, "leave.md")
        elif action == "rollback" and not done:
            trash.rollback(COLLECTION, "leave.md", 1)
        elif action == "delete" and not done:
            services.library.delete(COLLECTION, "leave.md")
        assert contents(services).get("leave.md") == after
        listed = services.caretaker.shelf.trash(collection.id)
        assert [each.name for each in listed] == (["leave.md"] if action == "delete" else [])
        check_whole(services)
        if action == "delete":
            trash.restore(COLLECTION, "leave.md")
            assert contents(services) == origin.old
            check_whole(services)


@pytest.mark.parametrize("point", KILLS_OF_UNPACKING)
def test_backup_that_is_killed_while_it_is_restored_is_refused_until_it_is_restored_again(
    point: str, tmp_path: Path, origin: Origin
) -> None:
    with opened(origin.put("old versions", tmp_path)) as services, Care(services).backup() as archive:
        write_folder(archive.members, tmp_path / "backup")
    data_dir = tmp_path / "elsewhere"
    assert run_killed(data_dir, "unpack", f"{point}=kill") == KILLED
    half = "was stopped half-way; do it again with `touchstone restore"
    with pytest.raises(DataDirectoryDamaged, match=half):
        opened(data_dir)
    restore(tmp_path / "backup", data_dir)
    with opened(data_dir) as services:
        assert contents(services) == origin.old
        check_whole(services)


def test_every_fail_point_is_one_of_these() -> None:
    killed = {point for points in (*KILLS.values(), *KILLS_WITH_TRASH.values()) for point in points}
    assert killed | set(KILLS_OF_UNPACKING) == set(POINTS)
