"""Query and passages as token ids in the layout of ``prompt``; no control token but the template's own."""

import json
import logging
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING

from rerank.errors import SelfTestFailed
from rerank.prompt import (
    MAX_TOKENS,
    PREFIX,
    SUFFIX,
    TEMPLATE_VERSION,
    clean_instruction,
    document_text,
    encodable,
    head_text,
)
from rerank.protocols import TokenStore
from rerank.token_ids import PACKING, Ids, KeptIds, key_of, pack, unpack
from rerank.types import PassageIds
from retrieval.types import Notice

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

QUERY_TOKENS = 2048
"""The longest query read: by the card's rule alone a query of 8,192 tokens leaves no document."""
INSTRUCTION_TOKENS = 1024
MIN_TOKENS = 256
"""Below this limit the template leaves no room worth scoring."""
KEPT_TOKENS = 2_000_000
"""Passage ids kept by default: 8 MB, some 5,000 chunks of 400 tokens."""


@dataclass(frozen=True, slots=True)
class EncodedPairs:
    """One query with its passages: pair i reads ``shared + tails[i]``.

    ``shared`` is template prefix, instruction and query; a tail is a passage and the template's suffix.
    ``cut``: which passages lost their end, by place.
    """

    shared: tuple[int, ...]
    tails: tuple[tuple[int, ...], ...]
    notices: tuple[Notice, ...]
    cut: tuple[int, ...]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(self.shared) + len(tail) for tail in self.tails]


class PairEncoder:
    """Builds the ids the model card's snippet builds, except that control strings in user text stay text.

    ``tokenizer`` is the checkpoint's; user text goes through a copy without its added tokens. (transformers'
    ``split_special_tokens=True`` is not enough: Qwen adds ``<think>`` as an ordinary token.) Its padding and
    truncation, which a folder saved after training may carry, are turned off.
    Prefix and suffix are tokenised apart from the body, and the body is cut at its right end, so the suffix
    always stands.

    Reading a passage costs more than scoring it on a large GPU (62 ms for 100 chunks of 400 words, two
    cores). So ids of passages are kept, the ``kept_tokens`` used last, and looked for in ``store`` where
    there is one. Safe for many threads.
    """

    def __init__(
        self, tokenizer: "Tokenizer", *, max_tokens: int = MAX_TOKENS, kept_tokens: int = KEPT_TOKENS
    ) -> None:
        if max_tokens < MIN_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens}; the template needs at least {MIN_TOKENS}")
        self.max_tokens = max_tokens
        self.store: TokenStore | None = None
        """Where ids of passages may be found that were made ahead of their questions."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._control = tokenizer
        layout = _without_added_tokens(tokenizer)
        self._plain = type(tokenizer).from_str(layout)
        self._vocabulary = self._plain.get_vocab_size(with_added_tokens=False)
        self._identity = _identity(layout)
        self._prefix = tuple(tokenizer.encode(PREFIX, add_special_tokens=False).ids)
        self._suffix = tuple(tokenizer.encode(SUFFIX, add_special_tokens=False).ids)
        self._body_tokens = max_tokens - len(self._prefix) - len(self._suffix)
        self._kept = KeptIds(kept_tokens)

    @property
    def identity(self) -> str:
        """Everything the ids of a passage depend on but its text; 32 hex digits."""
        return self._identity

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
        """Ids of passages on their own, whatever the query: from memory, else from the store, else read now.

        They fit behind every head, because the pre-tokenizer always splits there (``document_text``). Stored
        ids that are damaged are read again, written anew and logged.
        """
        keyed = _keyed(passages)
        found = self._kept.get([key for key, _ in keyed])
        missing = {key: text for key, text in keyed if key not in found}
        if missing:
            new = self._stored(missing)
            new.update(self._read({key: text for key, text in missing.items() if key not in new}))
            self._kept.put(new)
            found.update(new)
        return [found[key] for key, _ in keyed]

    def packed(self, passages: Sequence[str]) -> list[PassageIds]:
        """Ids of passages in the order given, read now, for a store; what is kept in memory stays."""
        keyed = _keyed(passages)
        ids = self._read(dict(keyed))
        return [PassageIds(key, pack(key, ids[key]), len(ids[key])) for key, _ in keyed]

    def _stored(self, texts: Mapping[bytes, str]) -> "dict[bytes, array[int]]":
        """What the store has of these texts; damaged ids are mended on the way."""
        if self.store is None:
            return {}
        packed = self.store.get(self._identity, list(texts))
        unpacked = {key: unpack(key, data, self._vocabulary) for key, data in packed.items()}
        found = {key: ids for key, ids in unpacked.items() if ids is not None}
        damaged = {key: texts[key] for key in unpacked if key not in found}
        if damaged:
            logger.warning("stored token ids of %d passages are damaged and are written anew", len(damaged))
            mended = self._read(damaged)
            self.store.replace(self._identity, {key: pack(key, ids) for key, ids in mended.items()})
            found.update(mended)
        return found

    def _read(self, texts: Mapping[bytes, str]) -> "dict[bytes, array[int]]":
        """The texts through the tokenizer."""
        if not texts:
            return {}
        encoded = self._plain.encode_batch(list(texts.values()), add_special_tokens=False)
        return {key: array("i", encoding.ids) for key, encoding in zip(texts, encoded, strict=True)}

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
        longer = tuple(i for i, document in enumerate(documents) if len(document) > room)
        if longer:
            notices.append(Notice.of("passages_cut", count=len(longer), limit=self.max_tokens))
        return EncodedPairs(
            shared=(*self._prefix, *head),
            tails=tuple((*document[:room], *self._suffix) for document in documents),
            notices=tuple(notices),
            cut=longer,
        )

    def _cut(self, text: str, limit: int) -> tuple[str, bool]:
        """The text without what lies behind ``limit`` tokens, and whether anything does."""
        encoding = self._plain.encode(text, add_special_tokens=False)
        if len(encoding.ids) <= limit:
            return text, False
        return text[: encoding.offsets[limit][0]], True


class EncoderTokenizer:
    """``PassageTokenizer`` over an encoder, where no reranker runs."""

    def __init__(self, encoder: PairEncoder) -> None:
        self._encoder = encoder

    @property
    def tokenizer_identity(self) -> str:
        """See the role."""
        return self._encoder.identity

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        """See the role."""
        return self._encoder.packed(passages)


def _keyed(passages: Sequence[str]) -> list[tuple[bytes, str]]:
    """The text that is read of each passage, after the key of its ids."""
    texts = [document_text(encodable(passage)) for passage in passages]
    return [(key_of(text), text) for text in texts]


def _without_added_tokens(tokenizer: "Tokenizer") -> str:
    """The layout of the same tokenizer, unable to produce any control token."""
    layout = json.loads(tokenizer.to_str())
    layout["added_tokens"] = []
    return json.dumps(layout)


def _identity(layout: str) -> str:
    """A digest over vocabulary, merges and rules, the library that runs them, our template and our packing.

    The library is named because its Unicode tables decide where text is split.
    """
    parts = (layout, version("tokenizers"), TEMPLATE_VERSION, PACKING)
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
