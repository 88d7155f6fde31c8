"""Streaming text: the pieces are whole characters and add up to the whole."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from generation.detokenize import Detokenizer
from tests.tiny import tiny_tokenizer


def decode_bytes(ids: Sequence[int]) -> str:
    return bytes(ids).decode("utf-8", errors="replace")


def pieces_of(ids: Sequence[int]) -> list[str]:
    detokenizer = Detokenizer(decode_bytes)
    return [*(detokenizer.push(token) for token in ids), detokenizer.finish()]


def test_a_character_of_four_bytes_comes_in_one_piece() -> None:
    assert pieces_of("a😀".encode()) == ["a", "", "", "", "😀", ""]


def test_bytes_that_never_become_a_character_come_at_the_end() -> None:
    assert pieces_of(b"a\xf0\x9f") == ["a", "", "", "\ufffd"]


@given(st.binary(max_size=40))
def test_pieces_of_any_bytes_concatenate_to_the_full_decode(data: bytes) -> None:
    assert "".join(pieces_of(data)) == decode_bytes(data)


@given(st.text(max_size=30))
def test_no_piece_of_a_text_holds_half_a_character(text: str) -> None:
    data = text.encode("utf-8", errors="ignore")
    pieces = pieces_of(data)
    assert "".join(pieces) == data.decode()
    assert [p for p in pieces if "\ufffd" in p] == [] or "\ufffd" in text


@given(st.lists(st.integers(0, 320), max_size=30))
def test_a_real_tokenizer_streams_to_its_own_decode(ids: list[int]) -> None:
    tokenizer = TOKENIZER
    known = [i for i in ids if i < len(tokenizer)]

    def decode(some: Sequence[int]) -> str:
        return str(tokenizer.decode(list(some), skip_special_tokens=True))

    detokenizer = Detokenizer(decode)
    pieces = [*(detokenizer.push(token) for token in known), detokenizer.finish()]
    assert "".join(pieces) == decode(known)


TOKENIZER = tiny_tokenizer()
