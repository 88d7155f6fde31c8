"""The whole way from training text to a table that knows what was planted in the text."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from retrieval.errors import RetrievalError
from retrieval.starter_table import VOCABULARY, WEIGHTS, StarterTable
from retrieval.training.__main__ import main
from retrieval.training.make import UNFINISHED, make
from tests.retrieval.training.made import PLANTED, MadeLexicon, write_corpus, write_rows


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    train, extra = write_corpus(folder)
    make(train, extra, folder / "out", lexicon=MadeLexicon(), steps=60, seed=1)
    return folder


def test_planted_translations_are_the_worthiest_relatives_of_each_other(made: Path) -> None:
    table = StarterTable.load(made / "out")
    for english, chinese in PLANTED.items():
        (one,), (other,) = table.tokens.words(english), table.tokens.words(chinese)
        assert set(table.relatives(one).ids[:2].tolist()) == {one, other}
        assert set(table.relatives(other).ids[:2].tolist()) == {one, other}


def test_vectors_of_planted_translations_lie_nearer_than_any_other_pair_of_words(made: Path) -> None:
    table = StarterTable.load(made / "out")
    english = [table.tokens.words(word)[0] for word in PLANTED]
    chinese = [table.tokens.words(word)[0] for word in PLANTED.values()]
    near = table.directions[english] @ table.directions[chinese].T
    assert near.argmax(axis=1).tolist() == list(range(len(PLANTED)))
    assert near.argmax(axis=0).tolist() == list(range(len(PLANTED)))


def test_equal_input_and_seed_give_equal_bytes(made: Path) -> None:
    make(made / "train", made / "extra", made / "again", lexicon=MadeLexicon(), steps=60, seed=1)
    make(made / "train", made / "extra", made / "other", lexicon=MadeLexicon(), steps=60, seed=2)
    first, again, other = (
        [(made / out / name).read_bytes() for name in (VOCABULARY, WEIGHTS)]
        for out in ("out", "again", "other")
    )
    assert first == again
    assert first[0] == other[0]
    assert first[1] != other[1]


def test_only_the_two_files_are_left_in_the_folder(made: Path) -> None:
    assert {file.name for file in (made / "out").iterdir()} == {VOCABULARY, WEIGHTS}


def test_a_usable_table_is_kept_while_training_runs(tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    class CuttingHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("step 600 "):
                raise Cut

    train, extra = write_corpus(tmp_path)
    log = logging.getLogger("retrieval.training.make")
    handler = CuttingHandler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with pytest.raises(Cut):
            make(train, extra, tmp_path / "out", lexicon=MadeLexicon(), steps=700, seed=1)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert [file.name for file in (tmp_path / "out").iterdir()] == [UNFINISHED]
    assert StarterTable.load(tmp_path / "out" / UNFINISHED).dim == 256


def test_damaged_training_text_is_named_with_its_line(tmp_path: Path) -> None:
    train, extra = write_corpus(tmp_path)
    write_rows(train / "words.jsonl.gz", [{"en": "a", "zh": "一", "src": "hsk"}, {"en": "b", "src": "hsk"}])
    with pytest.raises(RetrievalError, match=r"words\.jsonl\.gz, line 2 cannot be read \(lacks 'zh'\)"):
        make(train, extra, tmp_path / "out", lexicon=MadeLexicon(), steps=1, seed=1)


def test_missing_training_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match=r"parallel\.jsonl\.gz cannot be read \(.*No such file"):
        make(tmp_path, None, tmp_path / "out", lexicon=MadeLexicon(), steps=1, seed=1)


def test_the_command_says_in_one_line_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    monkeypatch.setattr(sys, "argv", ["retrieval.training", str(tmp_path), "--out", str(tmp_path / "out")])
    assert main() == 1
    assert "pip install 'touchstone-kb[train]'" in caplog.messages[-1]
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_to_train_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["retrieval.training", str(tmp_path), "--steps", "0"])
    with pytest.raises(SystemExit):
        main()
    assert "--steps 0 trains nothing" in capsys.readouterr().err
