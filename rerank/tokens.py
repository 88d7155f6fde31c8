"""Query and passages as token ids in the layout of ``prompt``; no control token but the template's own."""

import json
import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from rerank.errors import SelfTestFailed
from rerank.prompt import (
    MAX_TOKENS,
    PREFIX,
    SUFFIX,
    clean_instruction,
    document_text,
    encodable,
    head_text,
)
from retrieval.types import Notice

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QUERY_TOKENS = 2048
"""The longest query read: by the card's rule alone a query of 8,192 tokens leaves no document."""
INSTRUCTION_TOKENS = 1024
MIN_TOKENS = 256
"""Below this limit the template leaves no room worth scoring."""
KEPT_TOKENS = 2_000_000
"""Passage ids kept by default: 8 MB, some 5,000 chunks of 400 tokens."""

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class EncodedPairs:
    """One query with its passages: pair i reads ``shared + tails[i]``.

    ``shared`` is template prefix, instruction and query; a tail is a passage and the template's suffix.
    """

    shared: tuple[int, ...]
    tails: tuple[tuple[int, ...], ...]
    notices: tuple[Notice, ...]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(self.shared) + len(tail) for tail in self.tails]


class PairEncoder:
    """Builds the ids the model card's snippet builds, except that control strings in user text stay text.

    ``tokenizer`` is the checkpoint's; user text goes through a copy without its added tokens. (transformers'
    ``split_special_tokens=True`` is not enough: Qwen adds ``<think>`` as an ordinary token.)
    Prefix and suffix are tokenised apart from the body, and the body is cut at its right end, so the suffix
    always stands.

    Ids of passages are kept, the ``kept_tokens`` used last, because reading a passage costs more than scoring
    it on a large GPU (62 ms for 100 chunks of 400 words, two cores); ``documents`` fills this store ahead of
    time. Safe for many threads.
    """

    def __init__(
        self, tokenizer: "Tokenizer", *, max_tokens: int = MAX_TOKENS, kept_tokens: int = KEPT_TOKENS
    ) -> None:
        if max_tokens < MIN_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens}; the template needs at least {MIN_TOKENS}")
        self.max_tokens = max_tokens
        self._control = tokenizer
        self._plain = _without_added_tokens(tokenizer)
        self._prefix = tuple(tokenizer.encode(PREFIX, add_special_tokens=False).ids)
        self._suffix = tuple(tokenizer.encode(SUFFIX, add_special_tokens=False).ids)
        self._body_tokens = max_tokens - len(self._prefix) - len(self._suffix)
        self._kept = _Kept(kept_tokens)

    def check_template(self) -> None:
        """Raises ``SelfTestFailed`` when this tokenizer does not read the template as Qwen3's does.

        Each control string must be one token, and the suffix must end in ``</think>`` and one blank line.
        With the real vocabulary it is 151645 198 151644 77091 198 151667 271 151668 271; where the last line
        break is lost it ends in 198, and scores are near random (the ``.jinja`` shipped with vLLM does
        this).
        """
        names = ["<|im_end|>", "\n", "<|im_start|>", "assistant", "\n", "<think>", "\n\n", "</think>", "\n\n"]
        singles = [self._control.encode(name, add_special_tokens=False).ids for name in names]
        split = sorted({name for name, ids in zip(names, singles, strict=True) if len(ids) != 1})
        if split:
            raise SelfTestFailed(f"the tokenizer splits {split}: it is not Qwen3's; check the model folder")
        suffix = tuple(ids[0] for ids in singles)
        if self._suffix != suffix:
            raise SelfTestFailed(f"the template ends in {list(self._suffix)}, expected {list(suffix)}")
        user = self._control.encode("<|im_start|>user\n", add_special_tokens=False).ids
        if self._prefix[0] != user[0] or list(self._prefix[-len(user) :]) != user:
            raise SelfTestFailed(f"the template starts {list(self._prefix)}, expected {user} at its end")
        typed = self._plain.encode(PREFIX + SUFFIX, add_special_tokens=False).ids
        leaked = set(self._control.get_added_tokens_decoder()) & set(typed)
        if leaked:
            raise SelfTestFailed(f"control tokens {sorted(leaked)} can be typed as text")

    def encode(self, query: str, passages: Sequence[str], instruction: str) -> EncodedPairs:
        """Ids of every pair, at most ``max_tokens`` each, in the order given; notices as of ``pair``."""
        return self.pair(query, self.documents(passages), instruction)

    def documents(self, passages: Sequence[str]) -> list[Ids]:
        """Ids of passages on their own, whatever the query: to be stored at ingest, or to warm this encoder.

        They fit behind every head, because the pre-tokenizer always splits there (``document_text``).
        """
        texts = [document_text(encodable(passage)) for passage in passages]
        keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        found = self._kept.get(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        encoded = self._plain.encode_batch(list(missing.values()), add_special_tokens=False)
        new = {key: array("i", encoding.ids) for key, encoding in zip(missing, encoded, strict=True)}
        self._kept.put(new)
        found.update(new)
        return [found[key] for key in keys]

    def pair(self, query: str, documents: Sequence[Ids], instruction: str) -> EncodedPairs:
        """As ``encode``, for ids that ``documents`` gave.

        Notices: ``query_cut`` and ``instruction_cut`` (limit in tokens), ``passages_cut`` (count, limit).
        """
        notices: list[Notice] = []
        limit = min(INSTRUCTION_TOKENS, self._body_tokens // 4)
        instruction, cut = self._cut(encodable(clean_instruction(instruction)), limit)
        if cut:
            notices.append(Notice.of("instruction_cut", limit=limit))
        limit = min(QUERY_TOKENS, self._body_tokens // 2)
        query, cut = self._cut(encodable(query), limit)
        if cut:
            notices.append(Notice.of("query_cut", limit=limit))
        head = self._plain.encode(head_text(instruction, query), add_special_tokens=False).ids
        room = self._body_tokens - len(head)
        longer = sum(len(document) > room for document in documents)
        if longer:
            notices.append(Notice.of("passages_cut", count=longer, limit=self.max_tokens))
        return EncodedPairs(
            shared=(*self._prefix, *head),
            tails=tuple((*document[:room], *self._suffix) for document in documents),
            notices=tuple(notices),
        )

    def _cut(self, text: str, limit: int) -> tuple[str, bool]:
        """The text without what lies behind ``limit`` tokens, and whether anything does."""
        encoding = self._plain.encode(text, add_special_tokens=False)
        if len(encoding.ids) <= limit:
            return text, False
        return text[: encoding.offsets[limit][0]], True


def _without_added_tokens(tokenizer: "Tokenizer") -> "Tokenizer":
    """The same tokenizer, unable to produce any control token."""
    layout = json.loads(tokenizer.to_str())
    layout["added_tokens"] = []
    return type(tokenizer).from_str(json.dumps(layout))


class _Kept:
    """Ids by digest of their text, at most ``limit`` tokens, those used longest ago first out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tokens = 0
        self._ids: OrderedDict[bytes, array[int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Ids]:
        """Those that are kept."""
        with self._lock:
            found: dict[bytes, Ids] = {key: self._ids[key] for key in keys if key in self._ids}
            for key in found:
                self._ids.move_to_end(key)
        return found

    def put(self, new: "dict[bytes, array[int]]") -> None:
        """Keep more, giving up the oldest."""
        with self._lock:
            for key, ids in new.items():
                if key not in self._ids:
                    self._ids[key] = ids
                    self._tokens += len(ids)
            while self._tokens > self._limit:
                self._tokens -= len(self._ids.popitem(last=False)[1])
