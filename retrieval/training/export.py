"""The files of the starter models, as ``StarterTable.load`` reads them."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from retrieval.starter_table import VOCABULARY, WEIGHTS
from retrieval.starter_tokens import StarterTokens
from retrieval.training.translations import Translations

MOST_TRANSLATIONS = 16
_POWER = 0.1  # chosen on the choosing half of shared/eval/dev: .05 to .2 are as good

Floats = npt.NDArray[np.float32]


def write(folder: Path, tokens: StarterTokens, vectors: Floats, translations: Translations) -> None:
    """Write the table and the vocabulary, each by one rename, so that a reader never meets half a file.

    Vectors take one byte a number and a half-precision scale a row; the worth of a translation is
    (p(zh | en) · p(en | zh)) ^ 0.1 in 255ths, the 16 worthiest of each token are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.abs(vectors).max(axis=1, keepdims=True) / 127 + 1e-12
    ids, worths = _worthiest(translations, len(tokens.vocabulary))
    stored = {
        "vectors": np.round(vectors / scales).astype(np.int8),
        "scales": scales.astype(np.float16),
        "log_probabilities": tokens.log_probabilities.astype(np.float32),
        "translations": ids,
        "worths": worths,
    }
    vocabulary = folder / f".{VOCABULARY}"
    vocabulary.write_text(json.dumps(tokens.vocabulary, ensure_ascii=False), encoding="utf-8")
    weights = folder / f".{WEIGHTS}"
    save_file(stored, weights)
    weights.chmod(0o644)
    vocabulary.replace(folder / VOCABULARY)
    weights.replace(folder / WEIGHTS)


def _worthiest(found: Translations, size: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Translations of each token, the worthiest first, and their worths; both of shape (size, 16)."""
    worth = np.minimum(1.0, (found.of_english * found.of_chinese) ** _POWER)
    token = np.concatenate([found.english, found.chinese])
    other = np.concatenate([found.chinese, found.english])
    worth = np.concatenate([worth, worth])
    order = np.lexsort((other, -worth, token))
    order = order[token[order] != other[order]]  # a name stands in both languages
    token, other, worth = token[order], other[order], worth[order]
    first = np.searchsorted(token, token)  # where the rows of this token begin
    rank = np.arange(len(token)) - first
    kept = rank < MOST_TRANSLATIONS
    ids = np.zeros((size, MOST_TRANSLATIONS), dtype=np.uint16)
    worths = np.zeros((size, MOST_TRANSLATIONS), dtype=np.uint8)
    ids[token[kept], rank[kept]] = other[kept]
    worths[token[kept], rank[kept]] = np.round(255 * worth[kept])
    return ids, worths
