"""A store of token ids without a database, a tokenizer that counts, and a reranker's tokens without one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from rerank.protocols import TokenStore
from rerank.types import PassageIds

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


class MemoryTokenStore:
    """``TokenStore`` over a dict by (tokenizer, key); ``asked`` lists the keys of each look-up."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, bytes], bytes] = {}
        self.asked: list[tuple[bytes, ...]] = []

    def keep(self, tokenizer: str, ids: Sequence[PassageIds]) -> None:
        """Store what a tokenizer made."""
        self.kept.update({(tokenizer, each.key): each.packed for each in ids})

    def get(self, tokenizer: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """See the role."""
        self.asked.append(tuple(keys))
        return {key: self.kept[tokenizer, key] for key in keys if (tokenizer, key) in self.kept}

    def replace(self, tokenizer: str, packed: Mapping[bytes, bytes]) -> None:
        """See the role."""
        self.kept.update(
            {(tokenizer, key): ids for key, ids in packed.items() if (tokenizer, key) in self.kept}
        )


class WordTokens:
    """``HasTokenizer`` that makes an id of every word; ``read`` lists each batch, ``after`` hears of it."""

    def __init__(
        self, identity: str = "words/1", *, after: Callable[[Sequence[str]], None] = lambda _: None
    ) -> None:
        self.tokenizer_identity = identity
        self.read: list[tuple[str, ...]] = []
        self.store: TokenStore | None = None
        self._after = after

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        """See the role."""
        self.read.append(tuple(passages))
        words = [text.split() for text in passages]
        made = [
            PassageIds(text.encode(), bytes(map(len, each)), len(each))
            for text, each in zip(passages, words, strict=True)
        ]
        self._after(passages)
        return made

    def read_from(self, store: TokenStore) -> None:
        """See the role."""
        self.store = store


def counting(tokenizer: "Tokenizer") -> tuple["Tokenizer", list[str]]:
    """The tokenizer, and a list that grows by every text that goes through a batch of it or of its copies."""
    read: list[str] = []

    class Counting:
        def __init__(self, inner: "Tokenizer") -> None:
            self._inner = inner

        @classmethod
        def from_str(cls, layout: str) -> "Counting":
            return cls(type(tokenizer).from_str(layout))

        def encode_batch(self, texts: list[str], *, add_special_tokens: bool) -> "list[Encoding]":
            read.extend(texts)
            return self._inner.encode_batch(texts, add_special_tokens=add_special_tokens)

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    return cast("Tokenizer", Counting(tokenizer)), read
