"""Token ids of passages that were read before: kept in memory, or packed for a store."""

import sys
import threading
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

Ids = Sequence[int]

PACKING = f"1/{sys.byteorder}"
"""How ``pack`` writes ids: part of a tokenizer's identity, so that others' bytes are never read."""
_CHECK_BYTES = 4
_ID_BYTES = array("i").itemsize


def key_of(text: str) -> bytes:
    """The 16 bytes by which the ids of a text are found: a digest, so the text itself is not kept."""
    return blake2b(text.encode(), digest_size=16).digest()


def pack(key: bytes, ids: Ids) -> bytes:
    """Ids as bytes, led by a CRC-32 over key and ids."""
    data = array("i", ids).tobytes()
    return _check(key, data) + data


def unpack(key: bytes, packed: bytes, vocabulary: int) -> "array[int] | None":
    """The ids that ``pack`` was given, or None where they are not what was written under this key.

    Also None where one is not below ``vocabulary``: a tokenizer without control tokens never gives such an
    id, and on a GPU it would end the process.
    """
    check, data = packed[:_CHECK_BYTES], packed[_CHECK_BYTES:]
    if not data or len(data) % _ID_BYTES or check != _check(key, data):
        return None
    if int(np.frombuffer(data, dtype=np.uint32).max()) >= vocabulary:  # a negative id counts as a large one
        return None
    return array("i", data)


def _check(key: bytes, data: bytes) -> bytes:
    return zlib.crc32(data, zlib.crc32(key)).to_bytes(_CHECK_BYTES, "little")


class KeptIds:
    """Ids by the key of their text, at most ``limit`` tokens, those used longest ago first out.

    Safe for many threads.
    """

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

    def put(self, new: "Mapping[bytes, array[int]]") -> None:
        """Keep more, giving up the oldest."""
        with self._lock:
            for key, ids in new.items():
                if key not in self._ids:
                    self._ids[key] = ids
                    self._tokens += len(ids)
            while self._tokens > self._limit:
                self._tokens -= len(self._ids.popitem(last=False)[1])
