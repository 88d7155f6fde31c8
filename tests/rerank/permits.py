"""A permit as a measurement would leave it, for tests that need one."""

from dataclasses import replace
from datetime import UTC, datetime

from rerank.permit import SCHEMES, DtypePermit


def permit(weights: str, **changes: object) -> DtypePermit:
    """int8 on CPU, measured on the demo's set and good enough; ``changes`` by field."""
    found = DtypePermit(
        weights=weights,
        dtype="int8",
        device="cpu",
        scheme=SCHEMES["int8"],
        model="some/model",
        set_name="rerank",
        queries=19,
        pairs=190,
        kendall_tau=0.985,
        top_3_agreement=0.965,
        mrr_at_10_change=-0.004,
        floor=0.437,
        disagreements=2,
        disagreements_at_half=5,
        weights_mb=760.5,
        float32_weights_mb=2400.0,
        ms_per_query=410.0,
        float32_ms_per_query=1250.0,
        at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # fields by name
