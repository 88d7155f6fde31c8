from datetime import UTC, datetime
from pathlib import Path

import pytest

from rerank.errors import RerankerUnavailable
from rerank.guarded import GuardedReranker
from rerank.permit import DtypePermits, Loaded, choose
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings
from tests.rerank.permits import permit
from tests.tiny import tiny_qwen3

LOADED = Loaded("abc", "cpu", "/models/my reranker")
INT8 = EngineSettings(dtype="int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def weights(folder: Path) -> str:
    arithmetic = Qwen3Reranker.load(folder, device="cpu").arithmetic
    assert arithmetic is not None
    return arithmetic.loaded.weights


def reason(permits: DtypePermits, asked: str = "int8") -> str:
    """Why the wish is not granted; empty where it is."""
    found = choose(asked, exact="float32", loaded=LOADED, permits=permits, unmeasured=False)
    assert found.used == ("float32" if found.notices else asked)
    return dict(found.notices[0].values)["reason"] if found.notices else ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kendall_tau": 0.97, "top_3_agreement": 0.95}, ""),
        ({"pairs": 100, "queries": 16}, ""),
        (
            {"kendall_tau": 0.9699},
            "measured tau 0.9699 (needed 0.97) and top 3 agreement 0.9650 (needed 0.95)",
        ),
        (
            {"top_3_agreement": 0.9499},
            "measured tau 0.9850 (needed 0.97) and top 3 agreement 0.9499 (needed 0.95)",
        ),
        ({"kendall_tau": float("nan")}, "measured tau nan (needed 0.97) and"),
        ({"pairs": 99, "queries": 10}, "99 pairs of 10 queries are too few to tell"),
        ({"pairs": 150, "queries": 50}, "150 pairs of 50 queries are too few to tell"),
    ],
)
def test_permit_needs_agreement_on_enough_pairs(changes: dict[str, object], expected: str) -> None:
    found = permit("abc", **changes).shortfall()
    assert found.startswith(expected)
    assert bool(found) == bool(expected)


def test_nothing_measured_leaves_the_exact_dtype_and_names_the_command() -> None:
    found = choose("int8", exact="float32", loaded=LOADED, permits=DtypePermits(), unmeasured=False)
    assert (found.asked, found.used, found.permit) == ("int8", "float32", None)
    assert dict(found.notices[0].values) == {
        "asked": "int8",
        "used": "float32",
        "reason": "it was not measured for these weights (abc) on cpu",
        "command": "touchstone bench quantize --model '/models/my reranker' --device cpu",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"weights": "f00"},
            "not measured for these weights (abc) on cpu; there are permits for the weights f00",
        ),
        ({"dtype": "fp8"}, "it was not measured for these weights (abc) on cpu"),
        ({"device": "cuda"}, "it was not measured for these weights (abc) on cpu"),
        ({"scheme": "older"}, "they were measured when rounding was done another way"),
        ({"kendall_tau": 0.5}, "measured tau 0.5000"),
    ],
)
def test_permit_of_something_else_permits_nothing(changes: dict[str, object], expected: str) -> None:
    assert expected in reason(DtypePermits((permit(**{"weights": "abc", **changes}),)))  # type: ignore[arg-type]


def test_file_that_is_no_permit_is_named() -> None:
    assert reason(DtypePermits(unusable=("x.json is no permit (floor: missing)",))).endswith(
        "on cpu; x.json is no permit (floor: missing)"
    )


def test_last_measurement_counts_whatever_earlier_ones_found() -> None:
    later = permit("abc", kendall_tau=0.5, at=datetime(2026, 3, 2, tzinfo=UTC))
    assert reason(DtypePermits((later, permit("abc")))).startswith("measured tau 0.5000")
    assert (
        reason(
            DtypePermits((permit("abc"), permit("abc", kendall_tau=0.5, at=datetime(2026, 2, 1, tzinfo=UTC))))
        )
        == ""
    )


def test_exact_dtypes_need_no_permit_but_use_the_floor_of_one() -> None:
    measured = permit("abc", dtype="bfloat16", device="cuda", scheme="", floor=0.46)
    loaded = Loaded("abc", "cuda", "m")
    found = choose(
        "auto", exact="bfloat16", loaded=loaded, permits=DtypePermits((measured,)), unmeasured=False
    )
    assert (found.used, found.permit, found.notices) == ("bfloat16", measured, ())
    without = choose("auto", exact="bfloat16", loaded=loaded, permits=DtypePermits(), unmeasured=False)
    assert (without.used, without.permit, without.notices) == ("bfloat16", None, ())
    refused = choose(
        "fp8", exact="bfloat16", loaded=loaded, permits=DtypePermits((measured,)), unmeasured=False
    )
    assert (refused.used, refused.permit) == ("bfloat16", measured)
    assert refused.notices[0].code == "rerank_dtype_not_permitted"


def test_permitted_weights_run_in_int8_with_their_own_floor(folder: Path, weights: str) -> None:
    given = permit(weights)
    reranker = Qwen3Reranker.load(folder, device="cpu", settings=INT8, permits=DtypePermits((given,)))
    assert "/int8/" in reranker.identity
    assert reranker.notices == ()
    assert reranker.score("q", ["a"], "").notices == ()
    assert reranker.arithmetic is not None
    assert reranker.arithmetic.permit == given
    assert GuardedReranker(reranker).judge("q", ["a"], "", timeout_s=30).floor == 0.437
    assert Qwen3Reranker.load(folder, device="cpu").default_floor == 0.5


def test_weights_without_a_permit_run_exactly_and_every_answer_says_so(folder: Path, tmp_path: Path) -> None:
    other = tiny_qwen3(tmp_path / "other", seed=9)
    foreign = Qwen3Reranker.load(other, device="cpu").arithmetic
    assert foreign is not None
    permits = DtypePermits((permit(foreign.loaded.weights),))
    reranker = Qwen3Reranker.load(folder, device="cpu", settings=INT8, permits=permits)
    exact = Qwen3Reranker.load(folder, device="cpu")
    assert reranker.identity == exact.identity
    assert reranker.score("q", ["a", "b"], "").relevance == exact.score("q", ["a", "b"], "").relevance
    assert reranker.default_floor == 0.5
    guarded = GuardedReranker(reranker)
    for _ in range(2):  # the second time the score is remembered
        [notice] = guarded.judge("q", ["a"], "", timeout_s=30).notices
        assert notice.code == "rerank_dtype_not_permitted"
        assert dict(notice.values)["used"] == "float32"
    assert guarded.limits() == (notice,)


def test_fp8_on_a_cpu_is_refused_even_unmeasured(folder: Path) -> None:
    with pytest.raises(
        RerankerUnavailable, match=r"fp8 runs on NVIDIA GPUs .* set rerank\.engine\.dtype to auto"
    ):
        Qwen3Reranker.load(folder, device="cpu", settings=EngineSettings(dtype="fp8"), unmeasured=True)
