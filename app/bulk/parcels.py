"""What travels between the owner and the workers: a row of plain values for each file."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import TypeAdapter

from app.bulk.terms import Terms
from app.jobs.cutting import Cut
from app.jobs.delivery import Made
from app.storage.notices import pack_notices, unpack_notices
from app.storage.token_ids import TokenRow
from ingest.reply import unpack
from ingest.suspicious import Flag
from ingest.suspicious_patterns import Reason
from ingest.types import Document, Source
from ingest.wire import pack
from retrieval.types import Box, Chunk, Notice

Refusal = Literal["", "file", "here", "differs"]
_PackedBox = tuple[int, float, float, float, float]
_PackedChunk = tuple[int, int, int, str, tuple[str, ...], tuple[int, ...], tuple[_PackedBox, ...], str]
_CHUNKS = TypeAdapter(tuple[_PackedChunk, ...])
_FLAGS = TypeAdapter(tuple[tuple[Reason, int, int], ...])
_TEXTS = TypeAdapter(tuple[tuple[int, str], ...])
_TOKENS = struct.Struct("<II")  # bytes of the key of a text and of its ids, which follow


@dataclass(slots=True)
class Parcel:
    """A file on its way; every stage fills in what it makes.

    ``refused``: "file" for what is wrong with the file (``code``, ``message``), "here" where the owner should
    try it himself (``message`` says why), "differs" where a worker must not be used at all.

    ``document`` (``ingest.wire.pack``), ``chunks`` and ``tokens`` are what reading made, ``texts`` what is to
    be embedded, each with its tokens. ``vectors`` are float16, as they are kept. ``notices`` and ``told`` are
    notices of reading and of embedding, ``flags`` what in the text speaks to a model.
    """

    job_id: str
    name: str
    collection_id: str
    sha256: str
    refused: str = ""
    code: str = ""
    message: str = ""
    document: bytes = b""
    chunks: bytes = b""
    tokens: bytes = b""
    texts: bytes = b""
    vectors: bytes = b""
    notices: str = "[]"
    flags: str = "[]"
    told: str = "[]"
    parse_s: float = 0.0
    chunk_s: float = 0.0
    embed_s: float = 0.0

    def refuse(self, refused: Refusal, code: str, message: str) -> None:
        """Say why this file was not made."""
        self.refused, self.code, self.message = refused, code, message

    def fill(self, made: Cut) -> None:
        """Take in what reading made."""
        self.document = pack(made.document)
        self.chunks = _pack_chunks(made.chunks)
        self.tokens = b"".join(
            _TOKENS.pack(len(row.digest), len(row.ids)) + row.digest + row.ids for row in made.tokens
        )
        self.texts = _TEXTS.dump_json(tuple((each.tokens, each.contextual_text) for each in made.chunks))
        self.notices = pack_notices(made.notices)
        self.flags = json.dumps([(each.reason, each.start, each.end) for each in made.flags])

    def tell(self, told: Sequence[Notice]) -> None:
        """Add notices of embedding."""
        self.told = pack_notices((*unpack_notices(self.told), *told))

    def texts_to_embed(self) -> tuple[tuple[int, str], ...]:
        """(tokens, text) of each chunk, in order."""
        return _TEXTS.validate_json(self.texts)


def made_of(parcel: Parcel, source: Source, terms: Terms) -> Made:
    """What a parcel holds of a file whose bytes are kept here. Raises ``ValueError`` where it is damaged.

    The document is checked as a parser's reply is.
    """
    document = unpack(parcel.document, source)
    chunks = _unpack_chunks(parcel.chunks, document)
    if len(parcel.vectors) != len(chunks) * terms.dim * 2:
        raise ValueError(f"{len(parcel.vectors)} bytes of vectors came for {len(chunks)} chunks")
    vectors = np.frombuffer(parcel.vectors, dtype="<f2").astype(np.float32).reshape(-1, terms.dim)
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds no number")
    return Made(
        cut=Cut(
            size=terms.sizes[parcel.collection_id].chunk_size,
            document=document,
            chunks=chunks,
            tokens=_unpack_tokens(parcel.tokens, chunks, terms.tokenizer),
            notices=unpack_notices(parcel.notices),
            flags=_unpack_flags(parcel.flags, document),
        ),
        vectors=vectors,
        notices=unpack_notices(parcel.told),
        seconds={"parse": parcel.parse_s, "chunk": parcel.chunk_s, "embed": parcel.embed_s},
    )


def _unpack_flags(data: str, document: Document) -> tuple[Flag, ...]:
    flags = tuple(Flag(*each) for each in _FLAGS.validate_json(data))
    for each in flags:
        if not 0 <= each.start < each.end <= len(document.text):
            raise ValueError(f"a flag stands at {each.start} to {each.end}, outside of the text")
    return flags


def _pack_chunks(chunks: Sequence[Chunk]) -> bytes:
    """Without their texts, which are slices of the document's."""
    return json.dumps(
        [
            (
                each.start, each.end, each.tokens, each.title, each.headings, each.pages,
                [(box.page, box.left, box.top, box.right, box.bottom) for box in each.boxes], each.lead,
            )
            for each in chunks
        ],
        ensure_ascii=False,
    ).encode()  # fmt: skip


def _unpack_chunks(data: bytes, document: Document) -> tuple[Chunk, ...]:
    chunks: list[Chunk] = []
    for start, end, tokens, title, headings, pages, boxes, lead in _CHUNKS.validate_json(data):
        if not 0 <= start < end <= len(document.text):
            raise ValueError(f"a chunk stands at {start} to {end} of {len(document.text)} characters")
        chunks.append(
            Chunk(
                id=f":0:{len(chunks)}",
                document_id="",
                version=0,
                collection=document.source.collection,
                document=document.source.name,
                title=title,
                text=document.text[start:end],
                start=start,
                end=end,
                ordinal=len(chunks),
                tokens=tokens,
                pages=pages,
                headings=headings,
                boxes=tuple(Box(*box) for box in boxes),
                lead=lead,
            )
        )
    return tuple(chunks)


def _unpack_tokens(data: bytes, chunks: Sequence[Chunk], tokenizer: str) -> tuple[TokenRow, ...]:
    if not tokenizer:
        return ()
    rows, at = [], 0
    for each in chunks:
        if at + _TOKENS.size > len(data):
            raise ValueError("token ids are cut short")
        key_bytes, ids_bytes = _TOKENS.unpack_from(data, at)
        key_end = at + _TOKENS.size + key_bytes
        key, ids = data[key_end - key_bytes : key_end], data[key_end : key_end + ids_bytes]
        rows.append(TokenRow(each.id, tokenizer, key, ids))
        at = key_end + ids_bytes
    if at != len(data):
        raise ValueError("token ids do not add up")
    return tuple(rows)
