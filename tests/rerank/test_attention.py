from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rerank.attention import QUERY_BLOCK, Plan, attend_sdpa, attend_varlen, attention_for
from rerank.engine import to_device
from rerank.graphs import bucket, padded
from rerank.packing import Request, pack
from tests.rerank.tinier import request

SIZES = st.lists(
    st.tuples(st.integers(0, 90), st.lists(st.integers(1, 90), min_size=1, max_size=4)),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Products this small wait for each other's threads longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def varlen(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    """What torch's ``varlen_attn`` documents, in plain torch, from the tensors of the plan alone."""
    k, v = k[plan.key_rows], v[plan.key_rows]
    k, v = (each.repeat_interleave(q.size(1) // k.size(1), 1) for each in (k, v))
    out = torch.zeros_like(q)
    queries, keys = plan.cu_queries.tolist(), plan.cu_keys.tolist()
    for i in range(len(queries) - 1):
        mine = slice(queries[i], queries[i + 1])
        seen = slice(keys[i], keys[i + 1])
        count, depth = mine.stop - mine.start, seen.stop - seen.start
        assert count <= plan.max_queries
        assert depth <= plan.max_keys
        scores = torch.einsum("qhd,khd->hqk", q[mine], k[seen]) * q.size(-1) ** -0.5
        hidden = torch.ones(count, depth, dtype=torch.bool).triu(depth - count + 1)  # aligned bottom right
        out[mine] = torch.einsum(
            "hqk,khd->qhd", scores.masked_fill(hidden, -torch.inf).softmax(-1), v[seen]
        )
    return out


def heads(rows: int, pairs: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(rows)
    q, last = (torch.randn(n, 4, 16, generator=source) for n in (rows, pairs))
    k, v = (torch.randn(rows, 2, 16, generator=source) for _ in range(2))
    return q, k, v, last


def requests_of(sizes: list[tuple[int, list[int]]]) -> list[Request]:
    return [request(i, shared, tails) for i, (shared, tails) in enumerate(sizes)]


@settings(max_examples=20)
@given(SIZES)
def test_sdpa_equals_attention_of_variable_lengths(sizes: list[tuple[int, list[int]]]) -> None:
    packed = pack(requests_of(sizes))
    batch = to_device(packed, torch.device("cpu"))
    q, k, v, last = heads(len(packed.ids), len(packed.last))
    assert torch.allclose(attend_sdpa(q, k, v, batch.plan), varlen(q, k, v, batch.plan), atol=1e-5)
    assert torch.allclose(
        attend_sdpa(last, k, v, batch.last_plan), varlen(last, k, v, batch.last_plan), atol=1e-5
    )


@settings(max_examples=10)
@given(SIZES)
def test_padding_for_a_graph_changes_no_row_that_counts(sizes: list[tuple[int, list[int]]]) -> None:
    packed = pack(requests_of(sizes))
    batch = to_device(packed, torch.device("cpu"))
    shape = bucket(batch)
    wide = padded(batch, shape)
    assert wide.ids.numel() == shape.rows == -(-len(packed.ids) // 256) * 256
    assert wide.plan.cu_queries.numel() == shape.sequences + 1 == len(wide.plan.queries)
    q, k, v, last = heads(len(packed.ids), len(packed.last))
    more = shape.rows - len(packed.ids)
    wide_q, wide_k, wide_v = (torch.nn.functional.pad(x, (0, 0, 0, 0, 0, more), value=9.0) for x in (q, k, v))
    rows = len(packed.ids)
    result = varlen(wide_q, wide_k, wide_v, wide.plan)[:rows]
    assert torch.allclose(result, varlen(q, k, v, batch.plan), atol=1e-5)
    wide_last = torch.nn.functional.pad(last, (0, 0, 0, 0, 0, shape.pairs - len(packed.last)))
    assert torch.allclose(
        varlen(wide_last, wide_k, wide_v, wide.last_plan)[: len(packed.last)],
        varlen(last, k, v, batch.last_plan),
        atol=1e-5,
    )


@pytest.mark.parametrize("length", [1, QUERY_BLOCK - 1, QUERY_BLOCK, QUERY_BLOCK + 1, 3 * QUERY_BLOCK])
def test_no_query_sees_a_later_key(length: int) -> None:
    batch = to_device(pack([request(0, 10, [length])]), torch.device("cpu"))
    q, k, v, _ = heads(10 + length, 1)
    before = attend_sdpa(q, k, v, batch.plan)
    v[-1] += 100
    after = attend_sdpa(q, k, v, batch.plan)
    assert torch.equal(before[:-1], after[:-1])
    assert not torch.equal(before[-1], after[-1])


def test_cpu_and_float32_use_sdpa() -> None:
    assert attention_for(torch.device("cpu"), torch.bfloat16) is attend_sdpa
    assert attention_for(torch.device("cuda"), torch.float32) is attend_sdpa


def test_torchs_varlen_attention_takes_the_arguments_used() -> None:
    pytest.importorskip("torch.nn.attention.varlen")
    batch = to_device(pack([request(0, 3, [4, 5])]), torch.device("cpu"))
    q, k, v, _ = heads(12, 2)
    with pytest.raises(NotImplementedError, match="CPU"):  # past its own checks, down to the missing kernel
        attend_varlen(q, k, v, batch.plan)
