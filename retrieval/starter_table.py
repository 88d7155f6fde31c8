"""The table behind the starter models: a vector and the relatives of every token, Chinese and English."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.errors import RetrievalError
from retrieval.protocols import Vectors
from retrieval.starter_tokens import StarterTokens

WEIGHTS, VOCABULARY = "table.safetensors", "vocabulary.json"
_ROOT = Path(__file__).resolve().parents[1]

Ids = npt.NDArray[np.int64]
Worths = npt.NDArray[np.float32]


def starter_folder() -> Path:
    """Where the starter models lie: ``data/starter`` of a checkout, or beside the installed ``app``."""
    checkout = _ROOT / "data" / "starter"
    return checkout if checkout.is_dir() else _ROOT / "app" / "data" / "starter"


@cache
def starter_table() -> "StarterTable":
    """The table that travels with the product, loaded once (0.3 s, 150 MB). Raises ``RetrievalError``."""
    return StarterTable.load(starter_folder())


@dataclass(frozen=True, slots=True)
class Relatives:
    """Tokens that say much the same as one, itself first (worth 1), then the worthiest; worths in 0..1."""

    ids: Ids
    worths: Worths


class StarterTable:
    """Vectors of ``tokens.vocabulary``, fp32 of shape (n, dim), and for each token its relatives.

    The norm of a vector says how much the token tells about what a text is about; its direction what.
    """

    def __init__(
        self,
        tokens: StarterTokens,
        vectors: Vectors,
        relatives: npt.NDArray[np.uint16],
        worths: npt.NDArray[np.uint8],
        ends: npt.NDArray[np.uint32],
        identity: str,
    ) -> None:
        """The relatives of token i are ``relatives[ends[i] : ends[i + 1]]``, worth ``worths`` in 255ths."""
        self.identity = identity
        """A digest of all of it: equal identities give equal tokens, vectors and relatives."""
        self.tokens = tokens
        self.vectors = vectors
        self.norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
        self.weights = np.minimum(1.0, self.norms / float(np.median(self.norms)))
        """How much each token tells, 0..1: its norm over the median one, at most 1; shape (n,)."""
        self.directions: Vectors = vectors / np.maximum(self.norms, 1e-9)[:, None]
        self._relatives = relatives.astype(np.int64)
        self._worths = worths.astype(np.float32) / np.float32(255)
        self._ends = ends.tolist()

    @classmethod
    def load(cls, folder: Path) -> "StarterTable":
        """The table of ``data/starter``. Raises ``RetrievalError`` naming what is missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            listed = (folder / VOCABULARY).read_bytes()
            vocabulary = json.loads(listed)
            stored = load_file(folder / WEIGHTS)
            vectors = stored["vectors"].astype(np.float32) * stored["scales"].astype(np.float32)
            if not len(vocabulary) == len(vectors) == len(stored["log_probabilities"]) <= 1 << 16:
                raise ValueError(f"{len(vocabulary)} tokens for {len(vectors)} vectors")
            relatives, worths, ends = stored["relatives"], stored["worths"], stored["ends"]
            if not (len(ends) == len(vocabulary) + 1 and len(relatives) == len(worths) == ends[-1]):
                raise ValueError("its relatives are not those of its tokens")
            if relatives.max(initial=0) >= len(vocabulary) or (np.diff(ends.astype(np.int64)) < 1).any():
                raise ValueError("its relatives are not tokens of the vocabulary")
            probabilities = stored["log_probabilities"].astype(np.float32)
            tokens = StarterTokens(vocabulary, probabilities, _digest(listed, probabilities.tobytes()))
            identity = _digest(listed, (folder / WEIGHTS).read_bytes())
            return cls(tokens, vectors, relatives, worths, ends, identity)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RetrievalError(
                f"the starter models in {folder} cannot be read ({error}); install touchstone-kb again"
            ) from error

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    def relatives(self, token: int) -> Relatives:
        """A token's relatives in the whole vocabulary: its translations, and what lies near it."""
        here = slice(self._ends[token], self._ends[token + 1])
        return Relatives(self._relatives[here], self._worths[here])

    def all_relatives(self, wanted: Iterable[int]) -> list[Relatives]:
        """``relatives`` of each."""
        return [self.relatives(token) for token in wanted]

    def sum(self, ids: list[int]) -> Vectors:
        """The direction of a bag of tokens: float32 of shape (dim,), norm 1, or zeros for no tokens."""
        total = self.vectors[ids].sum(axis=0) if ids else np.zeros(self.dim, dtype=np.float32)
        norm = math.sqrt(float(total @ total))
        return (total / norm if norm else total).astype(np.float32)


def _digest(*parts: bytes) -> str:
    return "starter-" + hashlib.sha256(b"".join(parts)).hexdigest()[:12]
