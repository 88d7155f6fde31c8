"""What embedding a chunk takes with a model of Qwen3-Embedding-0.6B's geometry, on this processor."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from app.bench.figures import QWEN3_06B, Shape
from app.bench.ingest_embedding import demo_chunks
from app.bench.meter import threads
from app.bench.random_model import save_random
from retrieval.embedder import SentenceTransformerEmbedder


def flop_of(tokens: int, shape: Shape = QWEN3_06B) -> float:
    """Operations of embedding one text of so many tokens: every product, and attention to what stands before.

    Twice the multiplications; the embedding table is looked up, and no vocabulary is scored.
    """
    a_token = shape.kv_flop + shape.row_flop + shape.context_flop * (tokens + 1) / 2
    return shape.layers * a_token * tokens


def measure_model(texts: int, shape: Shape = QWEN3_06B) -> dict[str, object]:
    """Random weights, float32: times are those of the real ones. To be run in a process of its own."""
    chosen = sorted(demo_chunks(), key=len)[-texts:]
    with TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        embedder = SentenceTransformerEmbedder.load(save_random(Path(scratch), shape), device="cpu")
    embedder.embed_passages(chosen[:1])
    lengths = embedder.passage_tokens(chosen)
    began, core = time.perf_counter(), time.process_time()
    embedder.embed_passages(chosen)
    seconds, core_s = time.perf_counter() - began, time.process_time() - core
    flop = sum(flop_of(length, shape) for length in lengths)
    return {
        "texts": len(chosen),
        "tokens": sum(lengths),
        "threads": threads(),
        "seconds": round(seconds, 2),
        "core_seconds": round(core_s, 2),
        "gflop_a_token": round(flop / sum(lengths) / 1e9, 3),
        "gflop_a_core_second": round(flop / core_s / 1e9, 1),
    }
