"""Scores already computed, by everything that went into them."""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b


class ScoreCache:
    """The last ``size`` log-odds, least recently used first out; 0 keeps none. Safe for many threads.

    A key is a digest over the reranker's identity (model, revision, weights, dtype, limit, template) and
    every token the model reads, so instruction, query and passage; texts themselves are not kept. ``hits``
    and ``misses`` count look-ups.
    """

    def __init__(self, size: int) -> None:
        self.hits = 0
        self.misses = 0
        self._size = size
        self._values: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[bytes]) -> list[float | None]:
        """The value of each key, None where it is not kept."""
        with self._lock:
            found = [self._values.get(key) for key in keys]
            for key, value in zip(keys, found, strict=True):
                if value is not None:
                    self._values.move_to_end(key)
            hits = sum(value is not None for value in found)
            self.hits += hits
            self.misses += len(found) - hits
        return found

    def put(self, values: dict[bytes, float]) -> None:
        """Keep values; those used longest ago make room."""
        with self._lock:
            for key, value in values.items():
                self._values[key] = value
                self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)


def pair_keys(identity: str, shared: Sequence[int], tails: Sequence[Sequence[int]]) -> list[bytes]:
    """A 16-byte digest for each pair of a request; equal ones are equal to the model."""
    name = identity.encode()
    start = blake2b(digest_size=16)
    for part in (name, array("i", shared).tobytes()):
        start.update(len(part).to_bytes(8, "little") + part)
    keys = []
    for tail in tails:
        digest = start.copy()
        digest.update(array("i", tail).tobytes())
        keys.append(digest.digest())
    return keys
