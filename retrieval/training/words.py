"""Words of general Chinese with their frequencies, and where a text has them (jieba, MIT)."""

from collections.abc import Iterable
from typing import Protocol

from retrieval.errors import RetrievalError


class Lexicon(Protocol):
    """What the vocabulary needs to know about Chinese that the training text alone does not tell."""

    def words(self, run: str) -> Iterable[str]:
        """The words of a run of Chinese, long ones and the words inside them."""
        ...

    def frequency(self, word: str) -> int:
        """How often a word (or a character as a word) stands in general text; 0 for an unknown one."""
        ...


class JiebaLexicon:
    """jieba's word list (some 350,000 words with counts) and its cutter."""

    def __init__(self) -> None:
        """Raises ``RetrievalError`` where jieba is not installed."""
        try:
            import jieba
        except ImportError as error:
            raise RetrievalError(
                "training needs jieba, which is not installed; pip install 'touchstone-kb[train]'"
            ) from error
        jieba.setLogLevel("WARNING")
        self._tokenizer = jieba.Tokenizer()
        self._tokenizer.initialize()

    def words(self, run: str) -> Iterable[str]:
        """See ``Lexicon``: jieba's cut for search engines, new words included."""
        found: Iterable[str] = self._tokenizer.cut_for_search(run)
        return found

    def frequency(self, word: str) -> int:
        """See ``Lexicon``."""
        return int(self._tokenizer.FREQ.get(word) or 0)
