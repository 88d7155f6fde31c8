"""The files of the starter models, as ``StarterTable.load`` reads them."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from retrieval.starter_table import VOCABULARY, WEIGHTS
from retrieval.starter_tokens import StarterTokens
from retrieval.training.relatives import relatives
from retrieval.training.translations import Translations

Floats = npt.NDArray[np.float32]


def write(folder: Path, tokens: StarterTokens, vectors: Floats, translations: Translations) -> None:
    """Write the table and the vocabulary, each by one rename, so that a reader never meets half a file.

    Vectors take one byte a number and a half-precision scale a row; relatives are those of the vectors as
    they are read again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.abs(vectors).max(axis=1, keepdims=True) / 127 + 1e-12
    rounded, kept = np.round(vectors / scales).astype(np.int8), scales.astype(np.float16)
    related = relatives(rounded.astype(np.float32) * kept.astype(np.float32), translations)
    stored = {
        "vectors": rounded,
        "scales": kept,
        "log_probabilities": tokens.log_probabilities.astype(np.float32),
        "relatives": related.ids,
        "worths": related.worths,
        "ends": related.ends,
    }
    vocabulary = folder / f".{VOCABULARY}"
    vocabulary.write_text(json.dumps(tokens.vocabulary, ensure_ascii=False), encoding="utf-8")
    weights = folder / f".{WEIGHTS}"
    save_file(stored, weights)
    weights.chmod(0o644)
    vocabulary.replace(folder / VOCABULARY)
    weights.replace(folder / WEIGHTS)
