from hypothesis import given
from hypothesis import strategies as st

from rerank.token_ids import key_of, pack, unpack

VOCABULARY = 151_643
ids_of = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=40)


@given(st.text(), ids_of)
def test_ids_come_back_as_they_were_packed(text: str, ids: list[int]) -> None:
    unpacked = unpack(key_of(text), pack(key_of(text), ids), VOCABULARY)
    assert unpacked is not None
    assert list(unpacked) == ids


@given(ids_of, st.data())
def test_no_changed_bit_goes_unseen(ids: list[int], data: st.DataObject) -> None:
    packed = bytearray(pack(b"key", ids))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert unpack(b"key", bytes(packed), VOCABULARY) is None


@given(ids_of, st.integers(0, 200))
def test_cut_ids_are_refused(ids: list[int], length: int) -> None:
    packed = pack(b"key", ids)
    assert unpack(b"key", packed[: min(length, len(packed) - 1)], VOCABULARY) is None


def test_ids_of_another_text_are_refused() -> None:
    assert unpack(b"other", pack(b"key", [1, 2]), VOCABULARY) is None


def test_ids_outside_the_vocabulary_are_refused() -> None:
    assert unpack(b"key", pack(b"key", [1, VOCABULARY]), VOCABULARY) is None
    assert unpack(b"key", pack(b"key", [1, -1]), VOCABULARY) is None
