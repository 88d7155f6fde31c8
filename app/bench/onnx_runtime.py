"""ONNX Runtime on CPU with the exported weights."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.bench.card_ids import CardIds


class OnnxRuntime:
    """An inference session on an exported file; ``ids`` makes what it reads."""

    def __init__(self, file: Path, ids: CardIds, threads: int, kind: str) -> None:
        library: Any = importlib.import_module("onnxruntime")
        options = library.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = library.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._ids = ids
        self.note = f"{kind}; own export, logits of the last position; right padding, one batch"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        batch, last = self._ids.right_padded(query, passages)
        [found] = self._session.run(None, {"input_ids": batch, "last": last})
        values: list[float] = found.tolist()
        return values


def quantized(file: Path, target: Path) -> Path:
    """The file with int8 weights by ONNX Runtime's dynamic quantisation.

    Of matrix products only (by default it also takes the embedding), with a scale for each output channel.
    """
    library: Any = importlib.import_module("onnxruntime.quantization")
    library.quantize_dynamic(
        file,
        target,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=library.QuantType.QInt8,
        use_external_data_format=True,
    )
    return target
