"""What crosses from the parser process arrives whole, or is refused; what was kept comes back equal."""

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.parse import parser_identity
from ingest.readers import READERS
from ingest.reply import decode_reply, unpack
from ingest.settings import IngestSettings
from ingest.types import Block, BlockKind, Document, LineBox, PageSpan
from ingest.wire import MOST_ITEMS, PREFIX, Parsed, encode, pack
from retrieval.types import Box, Notice
from tests.ingest.sources import SETTINGS, bare_source

SOURCE = bare_source("x.pdf")
GOOD = Parsed(
    title="题 title",
    text="甲乙 ab 👍",
    blocks=(
        Block("heading", 0, 2, 1, 2, "甲乙"), Block("heading", 3, 3, 1, 1, "label"), Block("list", 3, 7, 2),
    ),
    pages=(PageSpan(1, 0, 2), PageSpan(2, 3, 7)),
    lines=(LineBox(0, 2, Box(1, 0.1, 0.2, 1 / 3, 1.0)), LineBox(3, 7, Box(2, 0.0, 0.0, 0.5, 0.5))),
    notices=(Notice.of("pages_without_text", pages="3–4", count=2),),
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
SHARES = st.floats(0, 1)
KINDS: tuple[BlockKind, ...] = ("heading", "paragraph", "list", "table", "code", "quote")


def _spans(cuts: list[int], size: int) -> list[tuple[int, int]]:
    """Spans in order without overlap; two neighbours of the sorted cuts each."""
    places = sorted(min(cut, size) for cut in cuts)
    return list(zip(places[::2], places[1::2], strict=False))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(WORDS)
    cuts = st.lists(st.integers(0, len(text)), max_size=12)
    pages = [PageSpan(n, *span) for n, span in enumerate(_spans(draw(cuts), len(text)), start=1)]
    page, level = st.integers(0, len(pages)), st.integers(0, 6)
    blocks = [
        Block(draw(st.sampled_from(KINDS)), *span, draw(page), draw(level), draw(WORDS))
        for span in _spans(draw(cuts), len(text))
    ]
    box = st.builds(Box, st.integers(1, max(len(pages), 1)), SHARES, SHARES, SHARES, SHARES)
    lines = [LineBox(*span, draw(box)) for span in (_spans(draw(cuts), len(text)) if pages else [])]
    notices = [Notice.of(draw(WORDS), value=draw(WORDS)) for _ in range(draw(st.integers(0, 2)))]
    return Document(
        SOURCE, draw(WORDS), text, tuple(blocks), tuple(pages), tuple(lines), tuple(notices)
    )


@given(documents())
def test_kept_document_comes_back_equal(document: Document) -> None:
    assert unpack(pack(document), SOURCE) == document


@given(documents())
def test_reply_becomes_the_document_that_was_sent(document: Document) -> None:
    parsed = Parsed(
        document.title, document.text, document.blocks, document.pages, document.lines, document.notices
    )
    assert decode_reply(encode(parsed), SOURCE, "PDF") == replace(document, title=document.title or "x")


def test_document_without_a_title_gets_the_stem_of_its_file() -> None:
    nameless = encode(replace(GOOD, title=""))
    assert decode_reply(nameless, bare_source("hr/leave policy.md"), "Markdown").title == "leave policy"


def test_error_comes_with_the_name_of_the_file() -> None:
    with pytest.raises(IngestError) as caught:
        decode_reply(encode(IngestError("no_text", "nothing; run OCR")), SOURCE, "PDF")
    assert (caught.value.code, str(caught.value)) == ("no_text", "x.pdf: nothing; run OCR")


BAD = {
    "offset after the end": replace(GOOD, blocks=(Block("list", 3, 8, 2),)),
    "negative offset": replace(GOOD, blocks=(Block("list", -1, 3, 2),)),
    "end before start": replace(GOOD, blocks=(Block("list", 3, 2, 2),)),
    "blocks out of order": replace(GOOD, blocks=GOOD.blocks[::-1]),
    "overlapping lines": replace(GOOD, lines=(GOOD.lines[0], replace(GOOD.lines[1], start=1))),
    "unknown kind": replace(GOOD, blocks=(Block("script", 0, 2),)),  # type: ignore[arg-type] # on purpose
    "level of 7": replace(GOOD, blocks=(Block("heading", 0, 2, 1, 7),)),
    "block on a page that is not there": replace(GOOD, blocks=(Block("list", 0, 2, 3),)),
    "line on a page that is not there": replace(GOOD, lines=(LineBox(0, 2, Box(3, 0, 0, 1, 1)),)),
    "pages not counted from 1": replace(GOOD, pages=(PageSpan(2, 0, 2), PageSpan(1, 3, 7))),
    "box outside its page": replace(GOOD, lines=(LineBox(0, 2, Box(1, 0, 0, 1.5, 1)),)),
    "box that is no number": replace(GOOD, lines=(LineBox(0, 2, Box(1, 0, math.nan, 1, 1)),)),
    "endless title": replace(GOOD, title="x" * 1_001),
    "endless title of a block": replace(GOOD, blocks=(Block("heading", 0, 2, 1, 1, "x" * 1_001),)),
    "error code of its own": IngestError("made_up", ""),  # type: ignore[arg-type] # on purpose
}


@pytest.mark.parametrize("result", BAD.values(), ids=BAD.keys())
def test_reply_of_a_hijacked_parser_is_refused(result: Parsed | IngestError) -> None:
    with pytest.raises(IngestError) as caught:
        decode_reply(encode(result), SOURCE, "PDF")
    assert caught.value.code == "parse_crash"
    assert str(caught.value) == "x.pdf: the PDF parser gave an invalid reply; do not use this file"


def _with_head(head: bytes, rest: bytes = b"") -> bytes:
    return PREFIX.pack(b"TSW1", len(head)) + head + rest


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x80\x04K\x01.",  # a pickle
        encode(GOOD)[:-1],
        encode(GOOD) + b"\0",
        b"TSW0" + encode(GOOD)[4:],
        _with_head(b"[]"),
        _with_head(b'{"text_bytes":1e9}'),
        _with_head(b'{"text_bytes":1}', b"\xff"),
        _with_head(b'{"blocks":1000001}'),
        _with_head(b'{"blocks":1,"kinds":[]}', struct.pack("<6i", 0, 0, 0, 0, 0, 0)),
        _with_head(b'{"extra":true}'),
        _with_head(b"{" + b" " * 1_000_000 + b"}"),
        PREFIX.pack(b"TSW1", 2**32 - 1),
    ],
)
def test_reply_that_is_no_reply_is_refused(reply: bytes) -> None:
    with pytest.raises(IngestError, match="the PDF parser gave an invalid reply"):
        decode_reply(reply, SOURCE, "PDF")


@given(st.data())
def test_changed_bytes_give_a_valid_document_or_an_error(data: st.DataObject) -> None:
    reply = bytearray(encode(GOOD))
    for place in data.draw(st.lists(st.integers(0, len(reply) - 1), min_size=1, max_size=4)):
        reply[place] = data.draw(st.integers(0, 255))
    try:
        document = decode_reply(reply, SOURCE, "PDF")
    except IngestError:
        return
    for block in document.blocks:
        assert 0 <= block.start <= block.end <= len(document.text)
    assert all(0 <= share <= 1 for line in document.lines for share in (line.box.left, line.box.bottom))


def test_document_of_too_many_pieces_is_refused_by_its_own_parser() -> None:
    blocks = (Block("paragraph", 0, 1),) * (MOST_ITEMS + 1)
    with pytest.raises(IngestError, match="more than 1,000,000 blocks or lines; split the file") as caught:
        encode(Parsed("", "x", blocks))
    assert caught.value.code == "too_much_text"


def test_what_was_kept_of_other_bytes_is_refused() -> None:
    kept = pack(Document(SOURCE, "t", "text", ()))
    with pytest.raises(ValueError, match=r"kept from other bytes than those of x\.pdf"):
        unpack(kept, replace(SOURCE, sha256="0" * 64))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda kept: b"", "not kept in this version"),
        (lambda kept: b"TSW0" + kept[4:], "not kept in this version"),
        (lambda kept: kept[:-3], "what was kept of x.pdf is damaged"),
        (lambda kept: kept[:68] + zlib.compress(encode(IngestError("empty", ""))), "an error was kept"),
        (lambda kept: kept[:68] + zlib.compress(b"{}"), "cut short"),
    ],
)
def test_what_was_kept_and_damaged_is_refused(damage: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpack(damage(pack(Document(SOURCE, "t", "text", ()))), SOURCE)


def test_identity_changes_with_whatever_changes_the_result() -> None:
    identity = parser_identity("application/pdf", SETTINGS)
    assert identity == parser_identity("application/pdf", IngestSettings(chunk_tokens=64, parse_cpu_s=5))
    assert "ingest.pdf/" in identity
    assert "pypdfium2/5." in identity
    others = {
        parser_identity("text/plain", SETTINGS),
        parser_identity("application/pdf", IngestSettings(max_pages=9)),
        parser_identity("application/pdf", IngestSettings(max_characters=9)),
    }
    assert len(others | {identity}) == 4
    assert all(parser_identity(media_type, SETTINGS) for media_type in READERS)
