"""The vector index is deleted, cut off or overwritten: it is built again unasked, and says so meanwhile."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.access.principal import LOCAL
from app.answering import Sources
from app.services import Services
from tests.faults.forked import serving
from tests.faults.whole import COLLECTION, chance, check_whole, contents, opened

pytestmark = pytest.mark.fault
SECTIONS = 1_100  # more vectors than Chroma keeps in SQLite before it writes its graph
QUESTIONS = ("What does rule 7 say about visitors?", "Which rule is about parking, rule 512?", "Rule 1000")
WORDS = [
    "visitors", "parking", "keys", "meals", "travel", "leave", "tools", "noise", "pets", "fire", "stairs",
    "garden", "windows", "heating", "water", "doors", "laundry", "bicycles", "music", "guests", "cellar",
    "roof", "lights", "post", "waste", "children", "balcony", "smoke", "kitchen", "lift", "snow", "paint",
    "cables", "repairs", "rent", "contract", "deposit", "meter", "insurance", "neighbour", "quiet", "morning",
    "evening",
]  # fmt: skip
Damage = Callable[[Path], None]


def rules() -> bytes:
    luck = chance(2)
    return "".join(
        f"# Rule {n}\n\nRule {n}: {' '.join(luck.choices(WORDS, k=6))}.\n\n" for n in range(SECTIONS)
    ).encode()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """A closed data directory with a graph on the disk, and what it answers."""
    data_dir = tmp_path_factory.mktemp("many") / "data"
    with opened(data_dir) as services:
        services.collections.set_chunking(services.collections.create(COLLECTION).id, 32, 0)
        report = services.add(rules(), "rules.md", COLLECTION)
        assert report.status == "added"
        assert report.chunks > 1_050
        found = _found(services)
    assert list((data_dir / "chroma").glob("*/index_metadata.pickle"))
    return data_dir, found


@pytest.fixture
def data_dir(many: tuple[Path, object], tmp_path: Path) -> Path:
    return Path(shutil.copytree(many[0], tmp_path / "data"))


def _found(services: Services) -> list[list[tuple[str, float | None]]]:
    """The passages each question is answered from, without any complaint."""
    answers = []
    for question in QUESTIONS:
        events = list(services.answering.ask(services.ask(question, principal=LOCAL), lambda: False))
        passages = [event.passages for event in events if isinstance(event, Sources)]
        answers.append([(each.text, each.relevance) for each in passages[0]])
    return answers


def _deleted(chroma: Path) -> None:
    shutil.rmtree(chroma)


def _graph_deleted(chroma: Path) -> None:
    for folder in chroma.glob("*-*"):
        shutil.rmtree(folder)


def _graph_overwritten(chroma: Path) -> None:
    for file in chroma.glob("*/*.bin"):
        _overwrite(file)


def _graph_cut_off(chroma: Path) -> None:
    for file in chroma.glob("*/data_level0.bin"):
        os.truncate(file, file.stat().st_size // 2)


def _link_flipped(chroma: Path) -> None:
    """One bit, with which a search used to end the whole process."""
    for file in chroma.glob("*/data_level0.bin"):
        with file.open("r+b") as opened_file:
            opened_file.seek(7)  # the highest byte of the first link
            opened_file.write(b"\x40")


def _database_overwritten(chroma: Path) -> None:
    _overwrite(chroma / "chroma.sqlite3", since=4_096)  # the pages in the middle may be free


def _database_cut_off(chroma: Path) -> None:
    os.truncate(chroma / "chroma.sqlite3", 5_000)


def _database_deleted(chroma: Path) -> None:
    (chroma / "chroma.sqlite3").unlink()


def _overwrite(file: Path, since: int | None = None) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened_file:
        opened_file.seek(size // 3 if since is None else since)
        opened_file.write(chance(1).randbytes(size // 3))


@pytest.mark.parametrize(
    "damage",
    [
        _deleted, _graph_deleted, _graph_overwritten, _graph_cut_off, _link_flipped, _database_overwritten,
        _database_cut_off, _database_deleted,
    ],
)  # fmt: skip
def test_index_that_was_damaged_while_nothing_ran_is_built_again_at_the_start(
    damage: Damage, data_dir: Path, many: tuple[Path, object]
) -> None:
    damage(data_dir / "chroma")
    with opened(data_dir) as services:
        told = [notice.code for notice in services.notices]
        assert told in (["index_rebuilt"], ["index_moved_aside", "index_rebuilt"])
        assert _found(services) == many[1]
        check_whole(services)
    with opened(data_dir) as services:
        assert services.notices == ()


def test_only_the_last_damaged_index_is_kept(data_dir: Path) -> None:
    for _ in range(2):
        _link_flipped(data_dir / "chroma")
        with opened(data_dir) as services:
            assert [notice.code for notice in services.notices] == ["index_moved_aside", "index_rebuilt"]
    assert len(list(data_dir.glob("chroma.aside-*"))) == 1


@contextmanager
def _asking(data_dir: Path) -> Iterator[Callable[[], tuple[list[str], list[str]]]]:
    """A server, and what it finds for the first question: texts, and codes of notices."""
    with serving(data_dir) as server:
        url = server.ready()

        def ask() -> tuple[list[str], list[str]]:
            name, body = "", {"question": QUESTIONS[0], "rerank": False}
            with httpx.stream("POST", f"{url}/api/ask", json=body) as response:
                for line in response.iter_lines():
                    if line.startswith("event:"):
                        name = line.removeprefix("event:").strip()
                    elif line.startswith("data:") and name == "answer":
                        said = json.loads(line.removeprefix("data:"))
                        texts = [each["text"] for each in said["passages"]]
                        codes = [each["code"] for each in said["notices"]]
                        return texts, [code for code in codes if code != "rerank_off"]
            raise AssertionError(f"no answer: {server.log.read_text(encoding='utf-8')}")

        yield ask
        server.stop()


@pytest.mark.parametrize("damage", [_deleted, _database_overwritten, _database_cut_off])
def test_index_that_is_damaged_while_it_is_used_is_built_again_and_answers_say_so_meanwhile(
    damage: Damage, data_dir: Path
) -> None:
    with _asking(data_dir) as ask:
        before, notices = ask()
        assert notices == []
        damage(data_dir / "chroma")
        texts, notices = ask()
        assert texts, "words alone find something"
        assert notices or damage is _database_overwritten  # of which Chroma may still have a copy
        deadline = time.monotonic() + 30
        while notices:
            assert notices == ["vector_channel_failed"]
            assert time.monotonic() < deadline
            time.sleep(0.1)
            texts, notices = ask()
        assert texts == before
    with opened(data_dir) as services:
        assert services.notices == () or damage is _database_overwritten
        check_whole(services)


def test_graph_that_is_damaged_while_it_is_used_is_found_at_the_next_start(
    data_dir: Path, many: tuple[Path, object]
) -> None:
    with opened(data_dir) as services:
        _graph_overwritten(data_dir / "chroma")
        assert _found(services) == many[1]  # Chroma has it in memory
        services.add(b"# Rule 5000\n\nNo shoes.\n", "late.md", COLLECTION)
    with opened(data_dir) as services:
        assert [notice.code for notice in services.notices] == ["index_moved_aside", "index_rebuilt"]
        services.library.delete(COLLECTION, "late.md")
        assert _found(services) == many[1]


@pytest.mark.parametrize("damage", [_deleted, _graph_deleted, _database_cut_off])
def test_upload_into_a_damaged_index_heals_it_first(damage: Damage, data_dir: Path) -> None:
    with opened(data_dir) as services:
        before = contents(services)
        damage(data_dir / "chroma")
        more = rules().replace(b"Rule", b"Law")
        report = services.add(more, "laws.md", COLLECTION)
        assert (report.status, report.error) == ("added", None)
        assert set(contents(services)) == {*before, "laws.md"}
        assert {notice.code for notice in services.notices} & {"index_rebuilt", "index_gone"}
        services.library.delete(COLLECTION, "laws.md")
        check_whole(services)


@pytest.mark.parametrize("damage", [_deleted, _database_cut_off])
def test_document_is_deleted_though_the_index_is_damaged(damage: Damage, data_dir: Path) -> None:
    with opened(data_dir) as services:
        services.add(b"# Law 1\n\nNo shoes.\n", "law.md", COLLECTION)
        damage(data_dir / "chroma")
        services.library.delete(COLLECTION, "law.md")
        assert set(contents(services)) == {"rules.md"}
        services.library.heal()
        check_whole(services)
