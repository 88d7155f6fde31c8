"""Batches of like length against batches in file order: padding and chunks a second of a small Qwen3."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from app.bench.figures import Shape, ratio
from app.bench.meter import threads
from app.bench.random_model import save_random
from app.settings import shipped
from ingest.chunk import chunk
from ingest.load import find_files, to_source
from ingest.parse import parse
from ingest.settings import IngestSettings
from retrieval.embedder import BATCH_TEXTS, SentenceTransformerEmbedder, batches
from retrieval.protocols import Vectors

SHAPE = Shape(layers=2, hidden=128, heads=4, kv_heads=2, head_dim=32, intermediate=384, vocabulary=8192)
"""Of a model with which a CPU reads all the demo in seconds; larger ones gain more: calls cost them less."""
ALIKE = 1e-4
"""Largest difference of a component between the two orders; rounding in float32 gives some 1e-6."""


class OrdersDiffer(ValueError):
    """The vectors of a text depend on its batch, so the two orders do not do the same work."""


def measure_embedding(rounds: int) -> dict[str, object]:
    """The demo's chunks in file order and as the product takes them, batches of the same budget, in turns.

    ``padding``: the share of what the model reads that is padding. Random weights: times are those of trained
    ones of this shape, vectors mean nothing. Raises ``OrdersDiffer``.
    """
    texts = demo_chunks()
    with TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        embedder = SentenceTransformerEmbedder.load(save_random(Path(scratch), SHAPE), device="cpu")
        lengths = embedder.passage_tokens(texts)
        plans = {
            "file_order": list(in_file_order(lengths, embedder.batch_tokens)),
            "by_length": list(batches(lengths, embedder.batch_tokens)),
        }

        def in_file_order_embedded() -> Vectors:
            # Each call fits into one batch, which the embedder then makes of it.
            parts = [[texts[row] for row in rows] for rows in plans["file_order"]]
            return np.concatenate([embedder.embed_passages(part) for part in parts])

        def by_length_embedded() -> Vectors:
            return embedder.embed_passages(texts)

        difference = float(np.abs(in_file_order_embedded() - by_length_embedded()).max())
        if difference > ALIKE:
            raise OrdersDiffer(f"the orders give vectors that differ by {difference:.1g}, over {ALIKE:g}")
        seconds = _alternated({"file_order": in_file_order_embedded, "by_length": by_length_embedded}, rounds)
    return {
        "model": f"random weights, {SHAPE.layers} layers of {SHAPE.hidden}",
        "threads": threads(),
        "chunks": len(texts),
        "tokens": {"least": min(lengths), "median": int(median(lengths)), "most": max(lengths)},
        **{
            order: {
                "batches": len(plan),
                "padding": padding(lengths, plan),
                "chunks_per_s": round(len(texts) / median(seconds[order]), 1),
            }
            for order, plan in plans.items()
        },
        "times_the_throughput": ratio(seconds["file_order"], seconds["by_length"]),
        "largest_difference": difference,
        "rounds": rounds,
        "load_average": os.getloadavg()[0],
    }


def demo_chunks() -> list[str]:
    """What the embedder reads of the demo's documents, in the order of the files."""
    settings = IngestSettings()
    texts: list[str] = []
    for path, name in find_files([shipped("demo") / "documents"]).files:
        source = to_source(path.read_bytes(), name=name, collection="", document_id="demo", settings=settings)
        texts += [each.contextual_text for each in chunk(parse(source, settings), 1, settings)]
    return texts


def in_file_order(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches as they come, each as long as the embedder's may be."""
    batch: list[int] = []
    for row, length in enumerate(lengths):
        longest = max([length, *(lengths[each] for each in batch)])
        if batch and (len(batch) == BATCH_TEXTS or longest * (len(batch) + 1) > budget):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padding(lengths: Sequence[int], plan: Sequence[Sequence[int]]) -> float:
    """The share of padding in all that the model reads: each batch is as long as its longest text."""
    padded = sum(len(rows) * max(lengths[row] for row in rows) for rows in plan)
    return round(1.0 - sum(lengths) / padded, 4)


def _alternated(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each by round; another one goes first each round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        for name in list(calls)[:: 1 if turn % 2 else -1]:
            began = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds
