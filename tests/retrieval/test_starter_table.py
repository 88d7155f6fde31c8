import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from retrieval.errors import RetrievalError
from retrieval.starter_table import VOCABULARY, WEIGHTS, StarterTable
from retrieval.starter_tokens import StarterTokens
from retrieval.training import export
from retrieval.training.translations import Translations

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "starter"
WORDS = ("house", "home", "房子", "家", "river")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of five tokens: house and home alike, 房子 and 家 their translations, river apart."""
    vectors = np.zeros((5, 4), dtype=np.float32)
    vectors[0, 0], vectors[1, :2], vectors[2, 2], vectors[3, 3], vectors[4, 1] = 2, (1, 0.5), 1, 1, -1
    found = Translations(
        np.array([0, 0, 1]),
        np.array([2, 3, 3]),
        np.array([0.9, 0.2, 1.0], dtype=np.float32),
        np.array([0.9, 0.05, 1.0], dtype=np.float32),
    )
    tokens = StarterTokens(WORDS, np.array([-30, -30, -7, -8, -30], dtype=np.float32), "made")
    export.write(tmp_path / "table", tokens, vectors, found)
    return tmp_path / "table"


def test_what_was_written_is_read(folder: Path) -> None:
    table = StarterTable.load(folder)
    assert table.tokens.vocabulary == WORDS
    assert table.tokens.log_probabilities.tolist() == [-30, -30, -7, -8, -30]
    assert table.dim == 4
    np.testing.assert_allclose(table.vectors[1], [1, 0.5, 0, 0], atol=0.01)
    np.testing.assert_allclose(table.sum([0, 4]), np.array([2, -1, 0, 0]) / 5**0.5, atol=0.01)
    assert table.sum([]).tolist() == [0, 0, 0, 0]


def test_relatives_are_translations_and_neighbours_the_worthiest_first(folder: Path) -> None:
    found = StarterTable.load(folder).relatives(0)
    assert found.ids.tolist() == [0, 2, 1, 3]
    cosine = 1 / 1.25**0.5
    np.testing.assert_allclose(
        found.worths, [1, 0.81**0.1, (cosine - 0.3) / 0.7, 0.01**0.1], atol=0.01
    )


def test_each_token_is_its_own_worthiest_relative(folder: Path) -> None:
    table = StarterTable.load(folder)
    for token in range(len(WORDS)):
        found = table.relatives(token)
        assert found.ids[0] == token
        assert found.worths[0] == 1
        assert sorted(found.worths.tolist(), reverse=True) == found.worths.tolist()
        assert len(set(found.ids.tolist())) == len(found.ids)


def test_relatives_asked_for_together_are_those_asked_for_alone(folder: Path) -> None:
    together = StarterTable.load(folder).all_relatives([3, 0, 3])
    alone = [StarterTable.load(folder).relatives(token) for token in (3, 0, 3)]
    assert [each.ids.tolist() for each in together] == [each.ids.tolist() for each in alone]
    assert [each.worths.tolist() for each in together] == [each.worths.tolist() for each in alone]


def test_other_relatives_make_another_table_of_the_same_tokens(folder: Path) -> None:
    before = StarterTable.load(folder)
    stored = load_file(folder / WEIGHTS)
    save_file({**stored, "worths": stored["worths"] // 2}, folder / WEIGHTS)
    after = StarterTable.load(folder)
    assert after.identity != before.identity
    assert after.tokens.identity == before.tokens.identity


def test_another_vocabulary_is_other_tokens(folder: Path) -> None:
    before = StarterTable.load(folder).tokens.identity
    (folder / VOCABULARY).write_text(json.dumps([*WORDS[:-1], "stream"]), encoding="utf-8")
    assert StarterTable.load(folder).tokens.identity != before


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match=r"starter models in .* cannot be read \(.*vocabulary\.json"):
        StarterTable.load(tmp_path)


def test_a_cut_table_is_an_error_that_says_so(folder: Path) -> None:
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(RetrievalError, match=r"starter models in .* cannot be read"):
        StarterTable.load(folder)


def test_a_vocabulary_of_another_table_is_an_error_that_says_so(folder: Path) -> None:
    (folder / VOCABULARY).write_text(json.dumps(["one", "two"]), encoding="utf-8")
    with pytest.raises(RetrievalError, match="2 tokens for 5 vectors"):
        StarterTable.load(folder)


def test_a_table_without_relatives_is_an_error_that_says_so(folder: Path) -> None:
    stored = load_file(folder / WEIGHTS)
    del stored["worths"]
    save_file(stored, folder / WEIGHTS)
    with pytest.raises(RetrievalError, match="'worths'"):
        StarterTable.load(folder)


def test_a_relative_beyond_the_vocabulary_is_an_error_that_says_so(folder: Path) -> None:
    stored = load_file(folder / WEIGHTS)
    save_file({**stored, "relatives": stored["relatives"] + np.uint16(4)}, folder / WEIGHTS)
    with pytest.raises(RetrievalError, match="relatives are not tokens of the vocabulary"):
        StarterTable.load(folder)


def test_relatives_of_fewer_tokens_are_an_error_that_says_so(folder: Path) -> None:
    stored = load_file(folder / WEIGHTS)
    save_file({**stored, "ends": stored["ends"][:-1]}, folder / WEIGHTS)
    with pytest.raises(RetrievalError, match="relatives are not those of its tokens"):
        StarterTable.load(folder)


def test_the_shipped_table_is_whole_and_small() -> None:
    table = StarterTable.load(SHIPPED)
    assert table.vectors.shape == (len(table.tokens.vocabulary), 256)
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) <= 30 * 1024 * 1024
