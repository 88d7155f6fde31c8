"""What every store of token ids promises, fake or real."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.storage.database import Database
from app.storage.token_ids import TokenIds, TokenRow
from rerank.protocols import TokenStore
from rerank.types import PassageIds
from tests.app.rows import publish
from tests.fakes.tokens import MemoryTokenStore

Keep = Callable[[str, Sequence[PassageIds]], None]


@dataclass(frozen=True, slots=True)
class Made:
    store: TokenStore
    keep: Keep


@pytest.fixture(params=["memory", "sqlite"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    if request.param == "memory":
        memory = MemoryTokenStore()
        yield Made(memory, memory.keep)
        return
    database = Database(tmp_path / "db.sqlite3")
    store, documents = TokenIds(database), iter(range(99))

    def keep(tokenizer: str, ids: Sequence[PassageIds]) -> None:
        chunks = publish(database, f"{next(documents)}.txt", ["text"] * len(ids))
        store.put(
            [TokenRow(c.id, tokenizer, each.key, each.packed) for c, each in zip(chunks, ids, strict=True)]
        )

    yield Made(store, keep)
    database.close()


class TestTokenStore:
    def test_what_is_stored_is_found_and_nothing_else(self, made: Made) -> None:
        made.keep(
            "a",
            [PassageIds(b"one", b"1", 1), PassageIds(b"two", b"\x00\xff", 1), PassageIds(b"three", b"3", 1)],
        )
        assert made.store.get("a", [b"two", b"none", b"one"]) == {b"one": b"1", b"two": b"\x00\xff"}
        assert made.store.get("a", []) == {}

    def test_ids_of_another_tokenizer_are_never_found(self, made: Made) -> None:
        made.keep("a", [PassageIds(b"one", b"1", 1)])
        made.keep("b", [PassageIds(b"one", b"other", 1)])
        assert made.store.get("a", [b"one"]) == {b"one": b"1"}
        assert made.store.get("c", [b"one"]) == {}

    def test_thousands_of_keys_can_be_asked_at_once(self, made: Made) -> None:
        ids = [PassageIds(i.to_bytes(16), b"%d" % i, 1) for i in range(1_200)]
        made.keep("a", ids)
        keys = [*(each.key for each in ids), *(i.to_bytes(16) for i in range(1_200, 40_000))]
        assert made.store.get("a", keys) == {each.key: each.packed for each in ids}

    def test_equal_texts_share_their_ids(self, made: Made) -> None:
        made.keep("a", [PassageIds(b"one", b"1", 1), PassageIds(b"one", b"1", 1)])
        assert made.store.get("a", [b"one", b"one"]) == {b"one": b"1"}

    def test_replacing_writes_over_what_is_there_and_adds_nothing(self, made: Made) -> None:
        made.keep(
            "a", [PassageIds(b"one", b"1", 1), PassageIds(b"one", b"1", 1), PassageIds(b"two", b"2", 1)]
        )
        made.keep("b", [PassageIds(b"one", b"other", 1)])
        made.store.replace("a", {b"one": b"new", b"three": b"3"})
        assert made.store.get("a", [b"one", b"two", b"three"]) == {b"one": b"new", b"two": b"2"}
        assert made.store.get("b", [b"one"]) == {b"one": b"other"}

    def test_it_answers_in_every_thread(self, made: Made) -> None:
        made.keep("a", [PassageIds(b"one", b"1", 1)])
        answers: list[dict[bytes, bytes]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(made.store.get("a", [b"one"]))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [{b"one": b"1"}] * 3
