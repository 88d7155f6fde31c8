import sqlite3
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from app.errors import NotFound
from app.storage.collections import Collections
from app.storage.database import Database
from rerank.presets import PRESETS, preset
from rerank.steering import Steering
from retrieval.analysis import detect_language

FIRST = datetime(2026, 1, 2, tzinfo=UTC)


class _Days:
    """A day later each time it is asked."""

    def __init__(self) -> None:
        self.asked = -1

    def __call__(self) -> datetime:
        self.asked += 1
        return FIRST + timedelta(days=self.asked)


@pytest.fixture
def collections(tmp_path: Path) -> Collections:
    return Collections(Database(tmp_path / "db.sqlite3"), now=_Days())


def test_every_wording_is_kept_as_a_version(collections: Collections) -> None:
    made = collections.create("legal")
    assert collections.instructions(made.id) == []
    assert collections.set_instruction(made.id, "prefer statutes", note="first try") == 1
    assert collections.set_instruction(made.id, "prefer rulings") == 2
    assert collections.named("legal").instruction == "prefer rulings"
    kept = collections.instructions(made.id)
    assert [(each.version, each.instruction, each.note) for each in kept] == [
        (1, "prefer statutes", "first try"),
        (2, "prefer rulings", ""),
    ]
    assert [each.created_at for each in kept] == [FIRST + timedelta(days=1), FIRST + timedelta(days=2)]


def test_same_wording_makes_no_version(collections: Collections) -> None:
    made = collections.create("legal")
    assert collections.set_instruction(made.id, "") == 0
    assert collections.set_instruction(made.id, "prefer statutes") == 1
    assert collections.set_instruction(made.id, "prefer statutes") == 1
    assert len(collections.instructions(made.id)) == 1


def test_earlier_wording_is_restored_as_a_new_version(collections: Collections) -> None:
    made = collections.create("legal")
    collections.set_instruction(made.id, "prefer statutes")
    collections.set_instruction(made.id, "")
    assert collections.restore_instruction(made.id, 1) == 3
    assert collections.named("legal").instruction == "prefer statutes"
    assert collections.instructions(made.id)[-1].note == "version 1 restored"


def test_unknown_version_is_refused_with_what_there_is(collections: Collections) -> None:
    made = collections.create("legal")
    with pytest.raises(NotFound, match=r"version 2 does not exist \(there is: none yet\)"):
        collections.restore_instruction(made.id, 2)
    collections.set_instruction(made.id, "prefer statutes")
    with pytest.raises(NotFound, match=r"version 2 does not exist \(there is: 1 to 1\)"):
        collections.restore_instruction(made.id, 2)
    with pytest.raises(NotFound, match="collection 'gone' does not exist"):
        collections.set_instruction("gone", "x")


def test_versions_go_with_their_collection(collections: Collections, tmp_path: Path) -> None:
    made = collections.create("legal")
    collections.set_instruction(made.id, "prefer statutes")
    collections.delete(made.id)
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM instruction_version").fetchone() == (0,)
    connection.close()


def test_instruction_of_an_older_database_becomes_version_1(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    script = resources.files("app.storage").joinpath("migrations", "001_initial.sql").read_text("utf-8")
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
        connection.execute("PRAGMA user_version=1")
        rows = [("a", "legal", "prefer statutes"), ("b", "sales", "")]
        connection.executemany(
            "INSERT INTO collection (id, name, instruction, created_at) VALUES (?, ?, ?, '2026')", rows
        )
    connection.close()
    collections = Collections(Database(path), now=_Days())
    assert [each.instruction for each in collections.instructions("a")] == ["prefer statutes"]
    assert collections.instructions("b") == []
    assert collections.set_instruction("a", "prefer rulings") == 2


def test_presets_speak_both_languages_and_fit_every_limit() -> None:
    for each in PRESETS:
        assert detect_language(each.zh) == "zh"
        assert detect_language(each.en) == "en"
        assert len(each.zh) <= len(each.en) <= 2000
    assert preset("sales").instruction("zh").startswith("优先选择含具体配置步骤")
    assert preset("legal").title("en") == "Legal"
    with pytest.raises(KeyError):
        preset("cooking")


def test_every_preset_steers_the_lexical_reranker_too() -> None:
    for each in PRESETS:
        assert Steering.of(each.zh, None).wishes
        assert Steering.of(each.en, None).wishes
