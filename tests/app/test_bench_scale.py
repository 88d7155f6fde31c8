"""The figures that the arithmetic of large collections rests on."""

from collections.abc import Callable

import numpy as np
import pytest

from app.bench.figures import QWEN3_06B, Shape
from app.bench.scale import Plan, measure_path
from app.bench.scale_model import flop_of, measure_model
from app.bench.scale_vectors import make_vectors, measure_embedded, measure_server
from app.cli.bulk import MAKERS
from app.cli.options import loaded
from app.settings import Settings
from app.wiring import build_embedder

SMALL = Shape(layers=2, hidden=64, heads=2, kv_heads=1, head_dim=32, intermediate=96, vocabulary=8192)


@pytest.mark.slow
def test_a_chunk_is_measured_down_the_whole_path() -> None:
    path = measure_path(loaded, MAKERS, Settings(profile="starter"), None, 90)
    assert path["chunks"] >= 90  # type: ignore[operator]  # a number among figures
    for stage in ("worker_core_ms_a_chunk", "worker_core_ms_a_chunk_of_demo_pdfs", "owner_core_ms_a_chunk"):
        figures = path[stage]
        assert isinstance(figures, dict)
        assert all(value > 0 for value in figures.values()), stage
    sizes = path["bytes_a_chunk"]
    assert isinstance(sizes, dict)
    assert 256 * 2 < sizes["parcels"] < sizes["database"] < 20_000  # a vector in float16 is part of both
    assert sizes["chroma"] > 256 * 4


@pytest.mark.slow
@pytest.mark.parametrize("measured", [measure_embedded, measure_server])
def test_a_vector_takes_its_floats_and_its_links_on_the_disk(
    measured: Callable[[int, int], dict[str, object]],
) -> None:
    figures = measured(64, 4_000)
    assert isinstance(disk := figures["disk_bytes_a_vector"], int)
    assert 64 * 4 + 64 * 4 < disk < 64 * 4 + 2_000  # 64 floats, 64 links on the lowest layer, the id
    assert figures["core_ms_a_vector"] > 0  # type: ignore[operator]  # a number among figures
    assert figures["search_p50_ms"] > 0  # type: ignore[operator]


def test_vectors_are_the_same_in_every_run_and_gather_around_topics() -> None:
    once, again = make_vectors(64, 0, 500), make_vectors(64, 0, 500)
    assert np.array_equal(once, again)
    np.testing.assert_allclose(np.linalg.norm(once, axis=1), 1.0, atol=1e-5)
    nearest = np.sort(once @ once.T, axis=1)[:, -2]  # but for itself
    assert np.median(nearest) > 0.4


def test_operations_of_qwen3_embedding_are_those_of_its_weights() -> None:
    """0.44 billion weights outside the embedding table, two operations each for every token."""
    assert flop_of(1) == pytest.approx(2 * 440_401_920, rel=0.001)
    assert QWEN3_06B.layers * (QWEN3_06B.kv_flop + QWEN3_06B.row_flop) == 2 * 440_401_920
    assert flop_of(320) / 320 == pytest.approx(0.918e9, rel=0.005)


@pytest.mark.slow
def test_model_is_measured_by_its_tokens() -> None:
    figures = measure_model(3, SMALL)
    assert figures["texts"] == 3
    assert figures["tokens"] > 100  # type: ignore[operator]
    assert figures["gflop_a_core_second"] > 0  # type: ignore[operator]


def test_plan_measures_the_dimensions_of_both_embedders() -> None:
    starter = build_embedder(Settings(profile="starter")).dim
    assert Plan().dims == (starter, QWEN3_06B.hidden)
