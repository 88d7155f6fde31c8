import pytest

from retrieval.errors import IndexMismatch
from retrieval.manifest import IndexManifest, check
from tests.fakes.hashing import HashingEmbedder


def test_the_embedder_that_built_the_index_passes() -> None:
    check(IndexManifest("touchstone-hashing-1/64", 64), HashingEmbedder(64), "hr")


def test_another_embedder_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        IndexMismatch,
        match=r"collection 'hr' was indexed by qwen/1 \(1024 dimensions\), but touchstone-hashing-1/64 \(64 "
        r"dimensions\) runs now; run `touchstone reindex hr` or start with the profile that built it",
    ):
        check(IndexManifest("qwen/1", 1024), HashingEmbedder(64), "hr")
