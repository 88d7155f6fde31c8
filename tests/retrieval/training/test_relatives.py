"""The relatives a table keeps are those that comparing every token with every other finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.training import relatives as module
from retrieval.training.relatives import LEAST_SIMILARITY, MOST_TRANSLATIONS, Stored, relatives
from retrieval.training.translations import Translations


def of(stored: Stored, token: int) -> dict[int, int]:
    here = slice(stored.ends[token], stored.ends[token + 1])
    return dict(zip(stored.ids[here].tolist(), stored.worths[here].tolist(), strict=True))


def translations(links: dict[tuple[int, int], tuple[float, float]]) -> Translations:
    one, other = zip(*links, strict=True) if links else ((), ())
    forth, back = zip(*links.values(), strict=True) if links else ((), ())
    return Translations(
        np.array(one, dtype=np.int64),
        np.array(other, dtype=np.int64),
        np.array(forth, dtype=np.float32),
        np.array(back, dtype=np.float32),
    )


probability = st.floats(2**-9, 1, width=32)


@settings(deadline=None)
@given(
    size=st.integers(2, 30),
    seed=st.integers(0, 1000),
    links=st.dictionaries(
        st.tuples(st.integers(0, 29), st.integers(0, 29)), st.tuples(probability, probability), max_size=40
    ),
)
def test_relatives_are_itself_translations_and_neighbours(
    size: int, seed: int, links: dict[tuple[int, int], tuple[float, float]]
) -> None:
    vectors = np.random.default_rng(seed).standard_normal((size, 4)).astype(np.float32)
    links = {pair: each for pair, each in links.items() if max(pair) < size}
    stored = relatives(vectors, translations(links))
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = directions @ directions.T
    for token in range(size):
        found = of(stored, token)
        said = {b for a, b in links if a == token} | {a for a, b in links if b == token}
        assert next(iter(found)) == token
        assert found[token] == 255
        worths = list(found.values())
        assert worths == sorted(worths, reverse=True)
        for other in set(range(size)) - {token}:
            cosine = float(near[token, other])
            if cosine >= LEAST_SIMILARITY + 1e-5:
                assert found[other] >= round(255 * (cosine - 0.3) / 0.7) - 1
            elif other not in said and cosine < LEAST_SIMILARITY - 1e-5:
                assert other not in found


def test_only_the_worthiest_translations_are_kept() -> None:
    size = MOST_TRANSLATIONS + 5
    links = {(0, each): (1 / each, 1.0) for each in range(1, size)}
    stored = relatives(np.eye(size, dtype=np.float32), translations(links))
    assert list(of(stored, 0)) == list(range(MOST_TRANSLATIONS + 1))
    assert list(of(stored, size - 1)) == [size - 1, 0]


def test_how_many_tokens_are_compared_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(5).standard_normal((37, 3)).astype(np.float32)
    whole = relatives(vectors, translations({}))
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    parts = relatives(vectors, translations({}))
    assert whole.ids.tolist() == parts.ids.tolist()
    assert whole.worths.tolist() == parts.worths.tolist()
    assert whole.ends.tolist() == parts.ends.tolist()
