"""Files of an embedded Chroma that contradict themselves or each other are found before it believes them."""

import os
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.storage.chroma_files import check_files
from retrieval.chroma import ChromaStore
from retrieval.errors import IndexDamaged
from retrieval.protocols import Vectors
from retrieval.types import Scope
from tests.faults.forked import ended, start
from tests.faults.whole import chance

NUMBER, DIM = 1_300, 16  # more than Chroma keeps in SQLite before it writes its graph
GRAPH = ("header.bin", "data_level0.bin", "link_lists.bin", "length.bin", "index_metadata.pickle")
Damage = Callable[[Path], None]


def _vectors(number: int) -> Vectors:
    rows = np.random.default_rng(5).standard_normal((number, DIM)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store: one collection of more vectors than stay in the queue, one of fewer."""
    folder = tmp_path_factory.mktemp("made") / "chroma"
    store = ChromaStore.open(folder)
    for name, number in (("many", NUMBER), ("few", 5)):
        store.add(name, [f"d:1:{n}" for n in range(number)], ["d"] * number, _vectors(number))
    store.remove("many", [f"d:1:{n}" for n in range(0, NUMBER, 10)])
    assert store.count("many") == NUMBER - NUMBER // 10
    store.close()
    return folder


@pytest.fixture
def chroma(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "chroma"))


def _truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _overwritten(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 3)
        opened.write(chance(3).randbytes(max(size // 3, 1)))


def _zeroed(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 3)
        opened.write(bytes(max(size // 3, 1)))


def _emptied(file: Path) -> None:
    os.truncate(file, 0)


def _deleted(file: Path) -> None:
    file.unlink()


def _graph(chroma: Path) -> Path:
    """The folder of the collection whose graph is on the disk."""
    (found,) = (path.parent for path in chroma.glob("*/index_metadata.pickle"))
    return found


def test_files_that_chroma_wrote_are_trusted(chroma: Path) -> None:
    check_files(chroma)


def test_folder_without_anything_is_trusted(tmp_path: Path) -> None:
    check_files(tmp_path / "nothing")
    check_files(tmp_path)


@pytest.mark.parametrize("damage", [_truncated, _overwritten, _zeroed, _emptied, _deleted])
@pytest.mark.parametrize("name", GRAPH)
def test_damaged_file_of_a_graph_is_found(name: str, damage: Damage, chroma: Path) -> None:
    damage(_graph(chroma) / name)
    with pytest.raises(IndexDamaged):
        check_files(chroma)


@pytest.mark.parametrize("damage", [_truncated, _overwritten, _zeroed])
def test_damaged_database_of_chroma_is_found(damage: Damage, chroma: Path) -> None:
    damage(chroma / "chroma.sqlite3")
    with pytest.raises(IndexDamaged, match=r"chroma\.sqlite3"):
        check_files(chroma)


def test_graph_whose_folder_is_gone_is_missed(chroma: Path) -> None:
    shutil.rmtree(_graph(chroma))
    with pytest.raises(IndexDamaged, match=r"lacks 1170 vectors that are listed, and holds 0 that are not"):
        check_files(chroma)


def test_graph_that_is_older_than_its_database_is_found(chroma: Path, made: Path) -> None:
    store = ChromaStore.open(chroma)
    store.add("many", [f"e:1:{n}" for n in range(NUMBER)], ["e"] * NUMBER, _vectors(NUMBER))
    assert store.count("many") == 2 * NUMBER - NUMBER // 10
    store.close()
    check_files(chroma)
    folder = _graph(chroma)
    for name in GRAPH:  # as a stop, or a full disk, between two writes of Chroma leaves them
        shutil.copy(made / folder.name / name, folder / name)
    with pytest.raises(IndexDamaged, match="vectors that are listed"):
        check_files(chroma)


def test_graph_of_another_version_is_left_to_chroma_which_refuses_it(chroma: Path) -> None:
    with (_graph(chroma) / "header.bin").open("r+b") as file:
        file.write(b"\2")
    check_files(chroma)
    store = ChromaStore.open(chroma)
    with pytest.raises(IndexDamaged):
        store.count("many")
    store.close()


def test_pickle_that_would_run_something_is_refused_unread(chroma: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "done"),)

    (_graph(chroma) / "index_metadata.pickle").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(IndexDamaged, match=r"mkdir does not belong there"):
        check_files(chroma)
    assert not (tmp_path / "done").exists()


def test_flipped_bits_are_found_or_do_no_harm(chroma: Path, tmp_path: Path) -> None:
    """A process that searches with all those that are not found lives, and finds nearly everything."""
    luck, found, overlooked = chance(7), 0, 0
    for name in GRAPH[:3]:
        file = _graph(chroma) / name
        with file.open("r+b") as opened:
            for _ in range(150):
                place = luck.randrange(32, file.stat().st_size * 8)  # behind the version
                _flip(opened.fileno(), place)
                try:
                    check_files(chroma)
                    overlooked += 1
                except IndexDamaged:
                    found += 1
                    _flip(opened.fileno(), place)
    assert found > 50
    assert overlooked > 50  # a link to another neighbour, the last digits of a number, room for more vectors
    log = tmp_path / "log"
    assert ended(start(_search_all, chroma, log=log), log=log) == 0


def _search_all(chroma: Path) -> None:
    rows, store = _vectors(NUMBER), ChromaStore.open(chroma)
    hits = [store.search(row, 1, Scope(frozenset({"many"}))) for row in rows]
    same = sum(hit[0].chunk_id == f"d:1:{n}" for n, hit in enumerate(hits))
    assert same > 0.99 * (NUMBER - NUMBER // 10), same
    store.close()


def _flip(descriptor: int, place: int) -> None:
    (byte,) = os.pread(descriptor, 1, place // 8)
    os.pwrite(descriptor, bytes([byte ^ 1 << place % 8]), place // 8)


def test_no_history_of_a_store_is_taken_for_damage(tmp_path: Path) -> None:
    """Adds and removals, over several openings, with a graph that is written every few of them."""
    luck, rows = chance(11), _vectors(400)
    present: set[int] = set()
    for _ in range(6):
        store = ChromaStore.open(tmp_path)
        for _ in range(10):
            wanted = luck.sample(range(400), 40)
            store.add("kb", [f"d:1:{n}" for n in wanted], ["d"] * 40, rows[wanted])
            gone = luck.sample(wanted, 15)
            store.remove("kb", [f"d:1:{n}" for n in gone])
            present = (present | set(wanted)) - set(gone)
        assert store.count("kb") == len(present)
        store.close()
        check_files(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as connection:
        (written,) = connection.execute("SELECT count(*) FROM max_seq_id WHERE seq_id > 1000").fetchone()
    assert written == 2, "the graph was never written"
