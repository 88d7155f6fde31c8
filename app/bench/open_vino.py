"""OpenVINO on CPU with the exported weights."""

import importlib
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from app.bench.card_ids import CardIds


class OpenVino:
    """A compiled model on an exported file; ``ids`` makes what it reads."""

    def __init__(self, file: Path, ids: CardIds, threads: int, kind: str) -> None:
        library = unreporting("openvino")
        core = library.Core()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        self._compiled = core.compile_model(core.read_model(file), "CPU", settings)
        self._ids = ids
        self.note = f"{kind}; own ONNX export, logits of the last position; right padding, one batch"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        batch, last = self._ids.right_padded(query, passages)
        values: list[float] = self._compiled([batch, last])[0].tolist()
        return values


def unreporting(name: str) -> Any:  # noqa: ANN401  a module that is not installed where this is checked
    """A library of OpenVINO's, with its reporter as if not installed, which all of them put up with.

    With it, importing ``openvino`` and using NNCF is reported to Google Analytics until the user opts out.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # what makes an import fail
    return importlib.import_module(name)


def compressed(file: Path, target: Path) -> Path:
    """An exported file with NNCF's 8-bit weights, as OpenVINO's own file."""
    library, nncf = unreporting("openvino"), unreporting("nncf")
    nncf.set_log_level("ERROR")
    with redirect_stdout(StringIO()):  # a progress bar
        model = nncf.compress_weights(
            library.Core().read_model(file), mode=nncf.CompressWeightsMode.INT8_ASYM
        )
    library.save_model(model, target, compress_to_fp16=False)
    return target
