import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.errors import RetrievalError
from retrieval.training.sources import Pair, read
from retrieval.training.vocabulary import choose, tokenizer
from retrieval.training.words import JiebaLexicon
from tests.retrieval.training.made import PLANTED, MadeLexicon, write_corpus

ROOT = Path(__file__).resolve().parents[3]


def test_vocabulary_holds_words_characters_terms_numbers_and_pieces(tmp_path: Path) -> None:
    chosen = choose([*read(*write_corpus(tmp_path)), Pair("tatoeba", "room 404", "火车")], MadeLexicon())
    assert set(PLANTED.values()) <= set(chosen)
    assert {"火", "车", "invoic", "404", "ga##", "##er"} <= set(chosen)
    assert len(set(chosen)) == len(chosen)


def test_vocabulary_does_not_depend_on_the_order_of_sets(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    code = (
        "import sys; from pathlib import Path; from retrieval.training import sources, vocabulary\n"
        "from tests.retrieval.training.made import MadeLexicon\n"
        "pairs = sources.read(Path(sys.argv[1]) / 'train', Path(sys.argv[1]) / 'extra')\n"
        "print(ascii(vocabulary.choose(pairs, MadeLexicon())))"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert first.count("##") > 52


def test_a_rare_character_is_left_out() -> None:
    chosen = choose([Pair("tatoeba", "x", "龘火火火")], MadeLexicon())
    assert "火" in chosen
    assert "龘" not in chosen


def test_a_word_that_only_a_dictionary_knows_is_a_token() -> None:
    assert {"麒麟", "unicorn"} <= set(choose([Pair("dictionary", "unicorn", "麒麟")], MadeLexicon()))


def test_a_frequent_word_is_likelier_than_its_characters() -> None:
    tokens = tokenizer(("火", "车", "火车", "train"), MadeLexicon())
    assert tokens.cut("火车") == ["火车"]
    assert tokens.log_probabilities.tolist()[3] == -30


def test_jieba_cuts_for_search_and_knows_frequencies() -> None:
    pytest.importorskip("jieba", reason="the extra train is not installed")
    lexicon = JiebaLexicon()
    assert {"数据", "数据库"} <= set(lexicon.words("数据库"))
    assert lexicon.frequency("数据") > lexicon.frequency("数据库") > 0 == lexicon.frequency("麒数")


def test_a_missing_jieba_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(RetrievalError, match=r"pip install 'touchstone-kb\[train\]'"):
        JiebaLexicon()
