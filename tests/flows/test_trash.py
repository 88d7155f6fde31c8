"""What is deleted or replaced leaves every index at once, comes back whole, or goes for good."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.access.principal import LOCAL
from app.curator import Curator
from app.errors import BadRequest, Conflict, NotFound
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.storage.collections import Collection
from app.wiring import build_models
from ingest.settings import ChunkSize
from retrieval.protocols import SoftStatistics
from tests.fakes.embedder import SwitchEmbedder
from tests.flows.conftest import starter

START = datetime(2026, 1, 2, tzinfo=UTC)
TEXTS = {
    "a": "# Leave\n\nEmployees have 12 days of annual leave.\n",
    "b": "# Leave\n\nEmployees have 15 days of annual leave.\n\n## Sick leave\n\nA note is needed.\n",
    "c": "# 年假\n\n员工每年有 10 天年假。\n",
}


ACTS = ("add", "delete", "restore", "roll back", "purge", "pass")


class Clock:
    """Days that pass when they are told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Kept:
    """Services whose embedder counts what it reads, and one collection of their own for each test."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.services = Services(starter(folder), build_models=self._models, now=self.clock)
        self.services.load()
        self.curator = Curator(self.services, LOCAL)
        self._number = 0
        self.renew()

    def _models(self, settings: Settings, statistics: SoftStatistics) -> Models:
        models = build_models(settings, statistics)
        self.embedder = SwitchEmbedder(models.embedder)
        return replace(models, embedder=self.embedder)

    def renew(self) -> None:
        self._number += 1
        self.name = f"books {self._number}"
        self.curator.create(self.name)

    @property
    def collection(self) -> Collection:
        return self.services.collections.named(self.name)

    def add(self, name: str, text: str) -> str:
        return self.services.add(text.encode(), name, self.name).status

    def shown(self) -> dict[str, str]:
        """The whole text of each document that is shown."""
        connection = self.services.database.connection()
        return {
            row.name: connection.execute(
                "SELECT text FROM version WHERE document_id = ? AND version = ?", (row.id, row.version)
            ).fetchone()[0]
            for row in self.services.documents.shown(self.collection.id)
        }

    def chunk_ids(self) -> set[str]:
        documents = self.services.documents.shown(self.collection.id)
        return {each.id for row in documents for each in self.services.chunks.of_document(row.id)}

    def check_indexes(self) -> None:
        """Chroma and FTS5 hold exactly the chunks that are shown."""
        collection, connection = self.collection, self.services.database.connection()
        rows = connection.execute("SELECT chunk_id FROM lexical_row WHERE collection = ?", (collection.id,))
        assert {row[0] for row in rows} == self.chunk_ids()
        assert set(self.services.vectors.ids(collection.id)) == self.chunk_ids()

    def blobs(self) -> int:
        return len(list((self.services.settings.data_dir / "blobs").glob("??/*")))

    def pass_days(self, days: float) -> None:
        self.clock.now += timedelta(days=days)
        self.services.caretaker.expire()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    kept = Kept(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.services.close()


@pytest.fixture
def kept(opened: Kept) -> Kept:
    opened.renew()
    return opened


def test_deleted_document_leaves_the_indexes_and_comes_back_without_embedding(kept: Kept) -> None:
    kept.add("leave.md", TEXTS["b"])
    before = kept.chunk_ids()
    deleted = kept.curator.delete_document(kept.name, "leave.md")
    assert deleted.restorable_until == kept.clock.now + timedelta(days=30)
    kept.check_indexes()
    assert kept.chunk_ids() == set()
    kept.embedder.texts.clear()
    back = kept.curator.restore(kept.name, "leave.md")
    assert (back.version, back.read_again, kept.embedder.texts) == (1, False, [])
    assert kept.chunk_ids() == before
    kept.check_indexes()
    result = kept.services.answer(
        kept.services.ask("How many days of annual leave?", collections=(kept.name,), principal=LOCAL)
    )
    assert "15 days" in result.answer.text


def test_name_that_is_taken_is_a_conflict_that_names_the_choice(kept: Kept) -> None:
    kept.add("leave.md", TEXTS["a"])
    kept.curator.delete_document(kept.name, "leave.md")
    kept.add("leave.md", TEXTS["b"])
    with pytest.raises(Conflict, match=r"touchstone documents rollback leave\.md .* --version 1"):
        kept.curator.restore(kept.name, "leave.md")
    assert kept.curator.rollback(kept.name, "leave.md", 1).version == 3
    assert "12 days" in kept.shown()["leave.md"]


def test_purged_document_is_gone_and_its_bytes_with_it(kept: Kept) -> None:
    blobs = kept.blobs()
    kept.add("leave.md", TEXTS["a"] + "unique to this test\n")
    kept.curator.delete_document(kept.name, "leave.md")
    assert kept.blobs() == blobs + 1
    assert kept.curator.purge(kept.name) == ["leave.md"]
    assert kept.blobs() == blobs
    with pytest.raises(NotFound, match="is not in the trash"):
        kept.curator.restore(kept.name, "leave.md")
    with pytest.raises(NotFound, match="nothing is kept of document"):
        kept.curator.purge(kept.name, "leave.md")


def test_bytes_under_two_names_stay_until_both_are_purged(kept: Kept) -> None:
    text, blobs = TEXTS["a"] + "twice\n", kept.blobs()
    kept.add("a.md", text)
    kept.add("b.md", text)
    kept.curator.delete_document(kept.name, "a.md")
    kept.curator.purge(kept.name, "a.md")
    assert kept.blobs() == blobs + 1
    kept.curator.delete_document(kept.name, "b.md")
    assert kept.blobs() == blobs + 1
    kept.pass_days(31)
    assert kept.blobs() == blobs
    assert kept.curator.trash(kept.name) == []


def test_versions_tell_what_has_changed_since(kept: Kept) -> None:
    kept.add("leave.md", TEXTS["b"])
    kept.add("leave.md", TEXTS["b"].replace("15", "20") + "\n## Travel\n\nTrains first.\n")
    newest, oldest = kept.curator.versions(kept.name, "leave.md")
    assert (newest.version, newest.shown, newest.kept) == (2, True, newest.chunks)
    assert (oldest.version, oldest.shown) == (1, False)
    assert oldest.kept + oldest.changed + oldest.removed == oldest.chunks
    assert oldest.kept + oldest.changed + oldest.added == newest.chunks
    assert oldest.changed == 1
    kept.pass_days(31)
    assert [each.version for each in kept.curator.versions(kept.name, "leave.md")] == [2]
    with pytest.raises(NotFound, match=r"version 1 of 'leave.md' is not kept \(there is: 2\)"):
        kept.curator.rollback(kept.name, "leave.md", 1)
    with pytest.raises(BadRequest, match="is the one that is shown"):
        kept.curator.rollback(kept.name, "leave.md", 2)


def test_document_of_another_chunk_size_is_read_again(kept: Kept) -> None:
    kept.add("leave.md", TEXTS["a"])
    kept.curator.delete_document(kept.name, "leave.md")
    kept.curator.set_chunking(kept.name, 200, 0)
    back = kept.curator.restore(kept.name, "leave.md")
    assert (back.version, back.read_again) == (2, True)
    found = kept.services.documents.find(kept.collection.id, "leave.md")
    assert found is not None
    assert found.cut == ChunkSize(200, 0)
    assert kept.curator.trash(kept.name) == []
    kept.check_indexes()


def test_nothing_is_kept_where_the_trash_is_turned_off(tmp_path: Path) -> None:
    settings = starter(tmp_path).model_copy(update={"trash_days": 0.0})
    with Services(settings, build_models=build_models) as services:
        services.load()
        services.add(TEXTS["a"].encode(), "leave.md", "books")
        services.add(TEXTS["b"].encode(), "leave.md", "books")
        assert services.database.connection().execute("SELECT count(*) FROM version").fetchone()[0] == 1
        gone = Curator(services, LOCAL).delete_document("books", "leave.md")
        assert gone.restorable_until is None
        assert Curator(services, LOCAL).trash("books") == []
        assert services.database.connection().execute("SELECT count(*) FROM chunk").fetchone()[0] == 0
        assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_deleted_collection_takes_its_trash_along(kept: Kept) -> None:
    blobs = kept.blobs()
    kept.add("leave.md", TEXTS["a"] + "only in this collection\n")
    kept.add("leave.md", TEXTS["b"] + "only in this collection\n")
    kept.curator.delete_document(kept.name, "leave.md")
    kept.curator.delete_collection(kept.name)
    assert kept.blobs() == blobs


class TrashMachine(RuleBasedStateMachine):
    """A person adds, deletes, restores, rolls back and purges; days pass."""

    kept: Kept

    @initialize()
    def start(self) -> None:
        self.kept = MACHINE[0]
        self.kept.renew()
        self.model: dict[str, str] = {}
        self.trash: dict[str, tuple[str, datetime]] = {}
        self.old: dict[str, dict[int, tuple[str, datetime]]] = {}  # kept texts by version, until when
        self.number: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.add("x.md", "a")
        self.add("y.md", "c")
        self.delete("y.md")

    @rule(what=st.sampled_from(ACTS), name=st.sampled_from(["x.md", "y.md"]), data=st.data())
    def act(self, what: str, name: str, data: st.DataObject) -> None:
        """One rule, so that every act is as likely as adding; what cannot be done must be refused."""
        if what == "add":
            self.add(name, data.draw(st.sampled_from(sorted(TEXTS))))
        elif what == "pass":
            self.days_pass(data.draw(st.sampled_from([1, 16])))
        elif what == "roll back":
            if name in self.model and self.old.get(name):
                self.roll_back(name, data.draw(st.sampled_from(sorted(self.old[name]))))
        else:
            {"delete": self.delete, "restore": self.restore, "purge": self.purge}[what](name)

    def add(self, name: str, text: str) -> None:
        status = self.kept.add(name, TEXTS[text])
        if self.model.get(name) == text:
            assert status == "unchanged"
            return
        assert status == ("replaced" if name in self.model else "added")
        self._publish(name, text)

    def delete(self, name: str) -> None:
        if name not in self.model:
            with pytest.raises(NotFound):
                self.kept.curator.delete_document(self.kept.name, name)
            return
        self.kept.curator.delete_document(self.kept.name, name)
        self.trash[name] = (self.model.pop(name), self._until())

    def restore(self, name: str) -> None:
        if name not in self.trash:
            with pytest.raises(Conflict if name in self.model else NotFound):
                self.kept.curator.restore(self.kept.name, name)
            return
        self.kept.embedder.texts.clear()
        assert self.kept.curator.restore(self.kept.name, name).version == self.number[name]
        assert self.kept.embedder.texts == []
        self.model[name] = self.trash.pop(name)[0]

    def roll_back(self, name: str, version: int) -> None:
        text = self.old[name][version][0]
        self.kept.embedder.texts.clear()
        self.kept.curator.rollback(self.kept.name, name, version)
        assert self.kept.embedder.texts == []
        self._publish(name, text)

    def purge(self, name: str) -> None:
        if name not in self.trash and not (name in self.model and self.old.get(name)):
            with pytest.raises(NotFound):
                self.kept.curator.purge(self.kept.name, name)
            return
        self.kept.curator.purge(self.kept.name, name)
        self._gone(name)

    def days_pass(self, days: int) -> None:
        self.kept.pass_days(days)
        now = self.kept.clock.now
        for name in [name for name, (_, until) in self.trash.items() if until <= now]:
            self._gone(name)
        for old in self.old.values():
            for version in [version for version, (_, until) in old.items() if until <= now]:
                del old[version]

    @invariant()
    def what_is_shown_equals_the_model(self) -> None:
        shown = {name: TEXTS[text].strip() for name, text in self.model.items()}
        assert {name: text.strip() for name, text in self.kept.shown().items()} == shown
        assert {each.name for each in self.kept.curator.trash(self.kept.name)} == set(self.trash)
        for name in self.model:
            versions = self.kept.curator.versions(self.kept.name, name)
            assert {each.version for each in versions if not each.shown} == set(self.old.get(name, {}))

    @invariant()
    def indexes_hold_what_is_shown(self) -> None:
        self.kept.check_indexes()

    @invariant()
    def bytes_are_kept_for_what_is_kept(self) -> None:
        rows = self.kept.services.database.connection().execute("SELECT DISTINCT sha256 FROM version")
        assert self.kept.blobs() == len(rows.fetchall())

    def _publish(self, name: str, text: str) -> None:
        before = self.model.get(name)
        if name in self.trash:  # a deleted text of that name becomes an old version
            self.old.setdefault(name, {})[self.number[name]] = self.trash.pop(name)
        elif before is not None and before != text:
            self.old.setdefault(name, {})[self.number[name]] = (before, self._until())
        self.last[name] = self.number[name] = self.last.get(name, 0) + 1
        self.model[name] = text

    def _gone(self, name: str) -> None:
        self.trash.pop(name, None)
        self.old.pop(name, None)
        if name not in self.model:  # another document of that name begins at version 1
            self.last.pop(name, None)
            self.number.pop(name, None)

    def _until(self) -> datetime:
        return self.kept.clock.now + timedelta(days=30)


MACHINE: list[Kept] = []  # one set of services for all runs: opening Chroma takes longer than a run


def test_any_sequence_equals_a_model_of_dictionaries() -> None:
    with tempfile.TemporaryDirectory() as folder:
        MACHINE.append(Kept(Path(folder)))
        try:
            run_state_machine_as_test(
                TrashMachine,
                settings=hypothesis_settings(
                    max_examples=12,
                    stateful_step_count=12,
                    deadline=None,
                    phases=(Phase.explicit, Phase.generate),  # twelve short steps are read as they are
                ),
            )
        finally:
            MACHINE.pop().services.close()
