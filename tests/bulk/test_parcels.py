"""What comes back from workers is checked before it is taken in."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk.embedding import Embedding
from app.bulk.parcels import Parcel, made_of
from app.bulk.reading import Reading
from app.bulk.terms import DISTRIBUTION, Terms, parsers
from app.chunk_tokens import read_tokens
from app.jobs.cutting import cut
from app.settings import Settings, shipped
from ingest.load import to_source
from ingest.parse import parse
from ingest.types import Source
from rerank.token_ids import key_of, pack
from rerank.types import PassageIds
from retrieval.protocols import Vectors
from retrieval.types import Notice
from tests.fakes.hashing import HashingEmbedder

FILE = shipped("demo") / "documents" / "财务制度V3.2.pdf"
PARTS = ("document", "chunks", "tokens", "vectors")


class Letters:
    """``PassageTokenizer`` that makes an id of every letter."""

    tokenizer_identity = "letters/1"

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        keys = [key_of(text) for text in passages]
        return [
            PassageIds(key, pack(key, [*map(ord, text)]), len(text))
            for key, text in zip(keys, passages, strict=True)
        ]


class CuttingEmbedder(HashingEmbedder):
    """Says of each batch that it had to cut something; remembers how many texts a batch has."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[str, ...]] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(tuple(texts))
        return super().embed_passages(texts)

    def drain_notices(self) -> tuple[Notice, ...]:
        return (Notice.of("embedding_cut", texts=1, longest=9, limit=8),)


def _terms() -> Terms:
    settings, embedder = Settings(profile="starter"), HashingEmbedder()
    return Terms(
        settings,
        {"c": settings.ingest},
        metadata.version(DISTRIBUTION),
        parsers(settings.ingest),
        embedder.identity,
        embedder.dim,
        "",
        Letters.tokenizer_identity,
    )


def _source() -> Source:
    return to_source(
        FILE.read_bytes(), name=FILE.name, collection="c", document_id="", settings=_terms().settings.ingest
    )


def _made(name: str = FILE.name) -> Parcel:
    source = _source()
    read = Reading(_terms(), tokenizer=Letters, bytes_of=lambda _: source.data)
    parcel = read(Parcel("job", name, "c", source.sha256))
    Embedding(_terms(), embedder=HashingEmbedder)([parcel])
    assert parcel.refused == "", parcel.message
    return parcel


PARCEL = _made()


def _with(part: str, data: bytes) -> Parcel:
    changed = replace(PARCEL)
    setattr(changed, part, data)
    return changed


def test_parcel_brings_what_was_cut_and_embedded_to_the_last_bit() -> None:
    terms, source = _terms(), _source()
    made = made_of(PARCEL, source, terms)
    settings = terms.settings.ingest
    expected = cut(parse(source, settings), settings, partial(read_tokens, Letters()))
    assert made.cut == expected
    assert any(chunk.boxes for chunk in made.cut.chunks)
    vectors = HashingEmbedder().embed_passages([chunk.contextual_text for chunk in expected.chunks])
    assert np.array_equal(made.vectors, vectors.astype("<f2").astype(np.float32))
    assert set(made.seconds) == {"parse", "chunk", "embed"}


@given(st.sampled_from(PARTS), st.data())
def test_part_that_was_cut_short_is_refused(part: str, data: st.DataObject) -> None:
    whole: bytes = getattr(PARCEL, part)
    size = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=r"."):
        made_of(_with(part, whole[:size]), _source(), _terms())


@given(st.sampled_from(("document", "chunks")), st.data())
def test_changed_byte_is_refused_or_leaves_chunks_that_stand_in_the_document(
    part: str, data: st.DataObject
) -> None:
    whole = bytearray(getattr(PARCEL, part))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        made = made_of(_with(part, bytes(whole)), _source(), _terms())
    except ValueError:
        return
    for chunk in made.cut.chunks:
        assert chunk.text == made.cut.document.text[chunk.start : chunk.end] != ""


def test_parcel_of_other_bytes_is_refused() -> None:
    other = replace(_source(), sha256="0" * 64)
    with pytest.raises(ValueError, match="kept from other bytes"):
        made_of(PARCEL, other, _terms())


def test_vectors_of_no_number_are_refused() -> None:
    broken = np.full(len(PARCEL.vectors) // 2, np.nan, dtype="<f2").tobytes()
    with pytest.raises(ValueError, match="no number"):
        made_of(replace(PARCEL, vectors=broken), _source(), _terms())


def test_texts_of_several_files_are_embedded_together_longest_first_and_cuts_are_told() -> None:
    embedder = CuttingEmbedder()
    read = Reading(_terms(), tokenizer=Letters, bytes_of=lambda _: _source().data)
    parcels = [read(Parcel("job", f"{name}.pdf", "c", _source().sha256)) for name in ("first", "second one")]
    refused = Parcel("job", "broken.pdf", "c", "", refused="file", code="damaged", message="broken")
    tokens = [count for parcel in parcels for count, _ in parcel.texts_to_embed()]
    Embedding(_terms(), embedder=lambda: embedder)([parcels[0], refused, parcels[1]])
    (batch,) = embedder.batches
    lengths = [len(text) for text in batch]
    assert len(batch) == len(tokens)
    assert lengths == sorted(lengths, reverse=True)
    for parcel in parcels:
        made = made_of(parcel, _source(), _terms())
        assert [notice.code for notice in made.notices] == ["embedding_cut"]
        texts = [chunk.contextual_text for chunk in made.cut.chunks]
        assert np.array_equal(
            made.vectors, HashingEmbedder().embed_passages(texts).astype("<f2").astype(np.float32)
        )
    assert (refused.vectors, refused.message) == (b"", "broken")
