"""The table behind the starter models: a vector and the translations of every token, Chinese and English."""

import hashlib
import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from retrieval.errors import RetrievalError
from retrieval.protocols import Vectors
from retrieval.starter_tokens import StarterTokens

WEIGHTS, VOCABULARY = "table.safetensors", "vocabulary.json"
LEAST_SIMILARITY = 0.4
"""Cosine from which on another token counts as related at all."""
_UNRELATED = 0.3  # cosine that is worth nothing; from there to 1 the worth rises to 1 in a straight line
_CACHED = 20_000  # tokens whose relatives are remembered; some 100 bytes each

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
    """Vectors of ``tokens.vocabulary``, fp32 of shape (n, dim), and for each token its translations.

    The norm of a vector says how much the token tells about what a text is about; its direction what.
    """

    def __init__(
        self,
        tokens: StarterTokens,
        vectors: Vectors,
        translations: npt.NDArray[np.uint16],
        worths: npt.NDArray[np.uint8],
    ) -> None:
        """``translations`` and ``worths``: shape (n, most), worth in 255ths, 0 where there is none."""
        self.tokens = tokens
        self.vectors = vectors
        self.norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
        self.weights = np.minimum(1.0, self.norms / float(np.median(self.norms)))
        """How much each token tells, 0..1: its norm over the median one, at most 1; shape (n,)."""
        self.directions: Vectors = vectors / np.maximum(self.norms, 1e-9)[:, None]
        self._translations = translations
        self._worths = worths
        self._known: OrderedDict[int, Relatives] = OrderedDict()
        self._lock = Lock()

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
            if stored["translations"].shape != stored["worths"].shape or (
                stored["translations"].max(initial=0) >= len(vocabulary)
            ):
                raise ValueError("its translations are not tokens of the vocabulary")
            digest = hashlib.sha256(listed + (folder / WEIGHTS).read_bytes()).hexdigest()[:12]
            tokens = StarterTokens(
                vocabulary, stored["log_probabilities"].astype(np.float32), f"starter-{digest}"
            )
            return cls(tokens, vectors, stored["translations"], stored["worths"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RetrievalError(
                f"the starter models in {folder} cannot be read ({error}); install touchstone-kb again"
            ) from error

    @property
    def identity(self) -> str:
        """A digest of vocabulary and weights: equal identities give equal tokens and vectors."""
        return self.tokens.identity

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    def relatives(self, token: int) -> Relatives:
        """A token's relatives in the whole vocabulary: its translations, and what lies near it."""
        return self.all_relatives([token])[0]

    def all_relatives(self, wanted: list[int]) -> list[Relatives]:
        """``relatives`` of each; those not asked for before are computed together (one matrix product)."""
        with self._lock:
            known = {token: self._known[token] for token in wanted if token in self._known}
            for token in known:
                self._known.move_to_end(token)
        new = [token for token in dict.fromkeys(wanted) if token not in known]
        if new:
            near = self.directions @ self.directions[new].T
            for column, token in enumerate(new):
                known[token] = self._gather(token, near[:, column])
            with self._lock:
                self._known.update((token, known[token]) for token in new)
                while len(self._known) > _CACHED:
                    self._known.popitem(last=False)
        return [known[token] for token in wanted]

    def sum(self, ids: list[int]) -> Vectors:
        """The direction of a bag of tokens: float32 of shape (dim,), norm 1, or zeros for no tokens."""
        total = self.vectors[ids].sum(axis=0) if ids else np.zeros(self.dim, dtype=np.float32)
        norm = math.sqrt(float(total @ total))
        return (total / norm if norm else total).astype(np.float32)

    def _gather(self, token: int, near: npt.NDArray[np.float32]) -> Relatives:
        ids = np.flatnonzero(near >= LEAST_SIMILARITY)
        worth = dict(
            zip(ids.tolist(), ((near[ids] - _UNRELATED) / (1 - _UNRELATED)).tolist(), strict=True)
        )
        said = self._worths[token]
        others = self._translations[token][said > 0].tolist()
        for other, value in zip(others, (said[said > 0] / 255).tolist(), strict=True):
            worth[other] = max(worth.get(other, 0.0), value)
        worth[token] = 1.0
        ordered = sorted(worth.items(), key=lambda each: (-each[1], each[0] != token, each[0]))
        return Relatives(
            np.array([each for each, _ in ordered], dtype=np.int64),
            np.array([value for _, value in ordered], dtype=np.float32),
        )
