"""Attention over packed sequences: who reads whom is a ``Plan``, and two kernels carry it out.

``attend_varlen`` is one launch of torch's flash attention for variable lengths (CUDA only; not run on the
machines this was written on). ``attend_sdpa`` computes the same on any device, sequence by sequence. Tests
run the former's documented signature in plain torch on the same plans, and hold the latter against it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

try:  # torch 2.10 has a first version of it, without grouped heads
    from torch.nn.attention import varlen
except ImportError:
    varlen = None  # type: ignore[assignment]  # there in the torch that types are checked with

QUERY_BLOCK = 32
"""Queries per SDPA call on CPU. Keys behind a block's last query are left out, where a mask alone would have
them computed: 17 to 27 % less attention time at 205 to 430 tokens, none lost at 40 (one core)."""
_GPU_QUERY_BLOCK = 1024
"""Elsewhere launches cost more than masked products."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which query rows read which key rows, causal from the bottom right; see ``Packed`` for the numbers.

    ``key_rows`` is int32 (keys,); ``cu_queries`` and ``cu_keys`` are int32 (sequences + 1,) on the device,
    ``queries`` and ``keys`` the same numbers on the host.
    """

    key_rows: Tensor
    cu_queries: Tensor
    cu_keys: Tensor
    queries: tuple[int, ...]
    keys: tuple[int, ...]
    max_queries: int
    max_keys: int


Attend = Callable[[Tensor, Tensor, Tensor, Plan], Tensor]
"""(rows, heads, dim) queries, (tokens, kv heads, dim) keys and values, plan -> (rows, heads, dim)."""


def attention_for(device: torch.device, dtype: torch.dtype) -> Attend:
    """The fastest kernel that this torch, device and dtype have."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16) or not _varlen_fits():
        return attend_sdpa
    return attend_varlen if torch.cuda.get_device_capability(device) >= (8, 0) else attend_sdpa


def attend_varlen(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    """All sequences in one launch.

    ``window_size=(-1, 0)`` is causal, aligned at the bottom right as flash attention does since 2.1;
    ``num_splits=1`` makes a sequence's result independent of the others in the launch.
    """
    out = varlen.varlen_attn(
        q,
        k.index_select(0, plan.key_rows),
        v.index_select(0, plan.key_rows),
        plan.cu_queries,
        plan.cu_keys,
        plan.max_queries,
        plan.max_keys,
        window_size=(-1, 0),
        enable_gqa=q.size(1) != k.size(1),
        num_splits=1,
    )
    return out if isinstance(out, Tensor) else out[0]


def attend_sdpa(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    """Sequence by sequence, in blocks of queries."""
    block = QUERY_BLOCK if q.device.type == "cpu" else _GPU_QUERY_BLOCK
    # (keys, kv heads, dim) -> (1, kv heads, keys, dim)
    keys = k.index_select(0, plan.key_rows).transpose(0, 1).unsqueeze(0)
    values = v.index_select(0, plan.key_rows).transpose(0, 1).unsqueeze(0)
    queries = q.transpose(0, 1).unsqueeze(0)
    grouped = q.size(1) != k.size(1)
    # hidden[i, j]: row i of a full block that ends at the last column reads column j
    hidden = torch.full((block, plan.max_keys), -torch.inf, dtype=q.dtype, device=q.device)
    hidden.triu_(plan.max_keys - block + 1)
    out = torch.empty_like(q)
    for i in range(len(plan.queries) - 1):
        first, end = plan.queries[i], plan.queries[i + 1]
        key_first, key_end = plan.keys[i], plan.keys[i + 1]
        for start in range(first, end, block):
            stop = min(start + block, end)
            reach = key_end - (end - stop)
            mask = hidden[block - (stop - start) :, plan.max_keys - (reach - key_first) :]
            part = F.scaled_dot_product_attention(
                queries[:, :, start:stop],
                keys[:, :, key_first:reach],
                values[:, :, key_first:reach],
                attn_mask=mask,
                enable_gqa=grouped,
            )
            out[start:stop] = part[0].transpose(0, 1)
    return out


def _varlen_fits() -> bool:
    """Whether torch's kernel takes the arguments used here (as that of 2.13 does)."""
    wanted = {"window_size", "enable_gqa", "num_splits"}
    return varlen is not None and wanted <= set(inspect.signature(varlen.varlen_attn).parameters)
