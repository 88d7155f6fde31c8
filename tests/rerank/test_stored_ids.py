"""Token ids that were made ahead of the question, in memory and in a store."""

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from app.storage.database import Database
from app.storage.token_ids import TokenIds, TokenRow
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings
from rerank.token_ids import pack, unpack
from rerank.tokens import PairEncoder
from tests.app.rows import publish
from tests.fakes.tokens import MemoryTokenStore, counting
from tests.tiny import WORDS, tiny_qwen3, tiny_tokenizer

TEXTS = ["单点登录（SSO）配置步骤", "", "The capital of France is Paris."]
CONTROL = [
    "<|im_end|>",
    "<|im_start|>assistant\n",
    "<think>",
    "</think>\n\n",
    "<Document>:",
    "\ud83d",
    "\udc00",
]
passages_of = st.lists(
    st.lists(st.text(st.characters(), max_size=12) | st.sampled_from(CONTROL), max_size=6).map("".join),
    min_size=1,
    max_size=6,
)
"""Any text, lone halves of surrogate pairs included, with control strings."""


def _tokenizer() -> Tokenizer:
    tokenizer: Tokenizer = tiny_tokenizer().backend_tokenizer
    return tokenizer


def _encoder(store: MemoryTokenStore | None = None, tokenizer: Tokenizer | None = None) -> PairEncoder:
    encoder = PairEncoder(tokenizer or _tokenizer())
    encoder.store = store
    return encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def rerankers(folder: Path) -> tuple[Qwen3Reranker, Qwen3Reranker]:
    """The same model twice, neither keeping scores or ids of its own."""
    forgetful = EngineSettings(cached_scores=0, cached_tokens=0)
    first, second = (Qwen3Reranker.load(folder, device="cpu", settings=forgetful) for _ in range(2))
    return first, second


@settings(max_examples=25)
@given(passages_of, st.data())
def test_scores_with_stored_ids_equal_those_without(
    rerankers: tuple[Qwen3Reranker, Qwen3Reranker],
    tmp_path_factory: pytest.TempPathFactory,
    passages: list[str],
    data: st.DataObject,
) -> None:
    with_store, without = rerankers
    database = Database(tmp_path_factory.mktemp("db") / "db.sqlite3")
    store = TokenIds(database)
    some = data.draw(st.lists(st.sampled_from(passages)))  # the others are not stored
    chunks = publish(database, "a.txt", ["x"] * len(some))
    made = without.token_ids(some)
    identity = without.tokenizer_identity
    store.put([TokenRow(c.id, identity, m.key, m.packed) for c, m in zip(chunks, made, strict=True)])
    with_store.read_from(store)
    assert with_store.log_odds("发票?", passages, "i") == without.log_odds("发票?", passages, "i")
    database.close()


@settings(max_examples=50)
@given(passages_of)
def test_stored_ids_equal_those_read_now(tiny: tuple[PairEncoder, Tokenizer], passages: list[str]) -> None:
    plain, tokenizer = tiny
    store = MemoryTokenStore()
    store.keep(plain.identity, plain.packed(passages))
    counted, read = counting(tokenizer)
    again = _encoder(store, counted)
    assert again.encode("q", passages, "i") == plain.encode("q", passages, "i")
    assert read == []


@pytest.fixture(scope="module")
def tiny() -> tuple[PairEncoder, Tokenizer]:
    return PairEncoder(_tokenizer()), _tokenizer()


def test_each_look_up_asks_once_and_only_for_what_memory_lacks() -> None:
    store = MemoryTokenStore()
    encoder = _encoder(store)
    first = encoder.packed(TEXTS)
    store.keep(encoder.identity, first[:2])
    encoder.documents([*TEXTS[:2], TEXTS[0]])
    encoder.documents(TEXTS)
    encoder.documents(TEXTS)
    keys = [each.key for each in first]
    assert store.asked == [tuple(keys[:2]), (keys[2],)]


def test_only_what_is_not_stored_is_tokenised() -> None:
    store, (tokenizer, read) = MemoryTokenStore(), counting(_tokenizer())
    encoder = _encoder(store, tokenizer)
    store.keep(encoder.identity, encoder.packed(TEXTS[:2]))
    read.clear()
    assert [list(ids) for ids in encoder.documents(TEXTS)] == [
        list(ids) for ids in _encoder().documents(TEXTS)
    ]
    assert read == [f" {TEXTS[2]}"]


def test_ids_made_for_a_store_leave_memory_to_the_questions() -> None:
    tokenizer, read = counting(_tokenizer())
    encoder = _encoder(tokenizer=tokenizer)
    encoder.packed(TEXTS)
    encoder.documents(TEXTS)
    assert len(read) == 6


def test_equal_tokenizers_have_one_identity(folder: Path) -> None:
    loaded = PairEncoder(AutoTokenizer.from_pretrained(folder).backend_tokenizer)
    assert loaded.identity == PairEncoder(AutoTokenizer.from_pretrained(folder).backend_tokenizer).identity
    assert len(loaded.identity) == 32


def test_ids_of_another_tokenizer_are_not_read() -> None:
    other = tiny_tokenizer([*WORDS, "Paris"]).backend_tokenizer
    store, encoder = MemoryTokenStore(), _encoder(tokenizer=other)
    assert encoder.identity != _encoder().identity
    store.keep(encoder.identity, encoder.packed(TEXTS))
    assert _encoder(store).documents(TEXTS) == _encoder().documents(TEXTS)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "control token"])
def test_damaged_ids_are_read_again_and_mended(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    store, control = MemoryTokenStore(), _tokenizer().encode("<|im_end|>").ids[0]
    encoder = _encoder(store)
    store.keep(encoder.identity, encoder.packed(TEXTS))
    (place, whole), *_ = store.kept.items()
    store.kept[place] = {
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "cut": whole[:-2],
        "empty": b"",
        "control token": pack(place[1], [5, control]),
    }[damage]
    with caplog.at_level(logging.WARNING):
        assert encoder.documents(TEXTS) == _encoder().documents(TEXTS)
    assert [r.message for r in caplog.records] == [
        "stored token ids of 1 passages are damaged and are written anew"
    ]
    assert store.kept[place] == whole
    assert unpack(place[1], whole, control) is not None  # no control token in them


def test_padding_and_truncation_saved_with_a_tokenizer_change_no_ids() -> None:
    tokenizer = _tokenizer()
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(30)
    saved = PairEncoder(tokenizer)
    assert saved.encode("q", TEXTS, "i") == _encoder().encode("q", TEXTS, "i")
    assert saved.identity == _encoder().identity
