"""``touchstone bench quantize``: fewer bits against float32, by order, labels, floor, memory and time.

What is found on trained weights is kept as a permit, without which the engine loads neither int8 nor fp8.
"""

import json
from collections.abc import Callable
from pathlib import Path

from app.bench.agreement import Comparison, Load, Scorer, Subject, compare
from app.bench.contenders import Dtype, quiet
from app.bench.machine import write_result
from app.bench.meter import best_device
from app.bench.pairs import read_pairs
from app.bench.rerank import BASELINES, checkpoint, slug
from app.permits import write_permit
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings

CHECKOUT, INSTALLED = (
    folder / "data" / "golden" / "rerank" for folder in (Path(__file__).parents[2], Path(__file__).parents[1])
)
GOLDEN = CHECKOUT if CHECKOUT.is_dir() else INSTALLED
"""The demo's pairs, which travel inside the wheel; without ``app.settings``, which a bare machine lacks."""


def dtypes_for(device: str) -> list[Dtype]:
    """What is compared with float32: int8 runs on CPU only, fp8 and a useful bfloat16 on GPUs only."""
    return ["int8"] if device == "cpu" else ["bfloat16", "fp8"]


def loader(folder: Path, device: str) -> Load:
    """Opens our engine on a checkpoint in a dtype, permitted or not; it remembers no scores."""

    def load(dtype: Dtype) -> Scorer:
        settings = EngineSettings(dtype=dtype, cached_scores=0)
        return Qwen3Reranker.load(folder, device=device, settings=settings, unmeasured=True)

    return load


def run(
    model: Path | None,
    folder: Path | None,
    *,
    queries: int,
    candidates: int,
    device: str,
    output: Path | None,
    permits: Path,
    tell: Callable[[str], None],
) -> Path:
    """Compare on a stored set (None: the demo's), write the result and the permits, say both.

    Permits go into the folder ``permits``, or with ``output`` beside it. Returns the result's file.
    """
    quiet()
    place, folder = best_device() if device == "auto" else device, folder or GOLDEN
    judged = read_pairs(folder, queries=queries, candidates=candidates)
    with checkpoint(model) as (weights, name):
        subject = Subject(name, folder.name, place, random=model is None)
        found = compare(loader(weights, place), dtypes_for(place), judged, subject)
    usual = BASELINES if BASELINES.is_dir() else permits.parent / "baselines"  # the latter when installed
    target = output or usual / f"quantize-{slug(str(found.figures['device']))}.json"
    tell(json.dumps({name: found.figures[name] for name in ("float32", "against_float32")}, indent=1))
    kept = keep(found, output, permits, tell=tell)
    result = {"benchmark": "quantize", "set": folder.name, "weights": name, **found.figures}
    result["permits"] = [file.name for file in kept] or f"none: {found.untrained}"
    write_result(target, result)
    return target


def keep(found: Comparison, output: Path | None, permits: Path, *, tell: Callable[[str], None]) -> list[Path]:
    """Write the permits into their folder, or beside ``output``, and say which count. Returns their files."""
    files = [write_permit(output.parent if output else permits, permit) for permit in found.permits]
    use = f"it counts once it lies in {permits}" if output else "restart Touchstone to use it"
    for file, permit in zip(files, found.permits, strict=True):
        shortfall = permit.shortfall()
        tell(f"{permit.dtype}: {shortfall}" if shortfall else f"permit written to {file}; {use}")
    if found.untrained:
        tell(f"no permit: {found.untrained}")
    return files
