"""Arithmetic of the benchmarks: work and floor, ratios, agreement of two orders. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

PEAK_TFLOPS = {"NVIDIA H200": 790.0, "NVIDIA GeForce RTX 4090": 165.0}
"""Dense bfloat16 rates by torch's name of the device. H200: an 8192-cubed product through PyTorch on random
data (788, and 769 to 798, measured); 4090: NVIDIA's Ada whitepaper (165.2, float32 accumulation)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A Qwen3's numbers that decide how much work a token is."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int

    @property
    def kv_flop(self) -> int:
        """Operations of one token's keys and values in one layer."""
        return 2 * self.hidden * 2 * self.kv_heads * self.head_dim

    @property
    def row_flop(self) -> int:
        """Operations of one token's other products in one layer: queries, output, gate, up and down."""
        return 2 * self.hidden * (2 * self.heads * self.head_dim + 3 * self.intermediate)

    @property
    def context_flop(self) -> int:
        """Operations of one token reading one other in one layer: its share of the scores and of the sum."""
        return 4 * self.heads * self.head_dim


QWEN3_06B = Shape(28, 1024, 16, 8, 128, 3072, 151_669)
"""Qwen/Qwen3-Reranker-0.6B, config.json: 881 MFLOP a token, and 0.229 MFLOP for each token it reads."""


def floor_flop(shape: Shape, shared: int, lengths: Sequence[int]) -> float:
    """Least operations that score pairs of ``lengths`` tokens, the first ``shared`` of them common to all.

    Every distinct token once; in the last layer keys and values of all, the rest of each pair's last token
    only; causal attention. The head of one row per pair is nothing beside it.
    """
    tokens = shared + sum(length - shared for length in lengths)
    reads = _causal(0, shared) + sum(_causal(shared, length) for length in lengths)
    whole = (shape.kv_flop + shape.row_flop) * tokens + shape.context_flop * reads
    last = shape.kv_flop * tokens + shape.row_flop * len(lengths) + shape.context_flop * sum(lengths)
    return float((shape.layers - 1) * whole + last)


def card_flop(shape: Shape, lengths: Sequence[int]) -> float:
    """Operations of the card's snippet: every pair whole, padded to the longest, logits at every position."""
    longest, pairs = max(lengths), len(lengths)
    layer = (shape.kv_flop + shape.row_flop) * longest + shape.context_flop * _causal(0, longest)
    return float(pairs * (shape.layers * layer + 2 * shape.hidden * shape.vocabulary * longest))


def _causal(first: int, end: int) -> float:
    """Tokens read by those at positions ``first`` to ``end``, half of the square as kernels compute it."""
    return (end * end - first * first) / 2


def ratio(theirs_ms: Sequence[float], ours_ms: Sequence[float]) -> float:
    """How many times longer they took: the median over rounds, each compared with ours of the same round."""
    return round(median(t / o for t, o in zip(theirs_ms, ours_ms, strict=True)), 3)


def order(scores: Sequence[float]) -> list[int]:
    """Indices, best first; equal scores keep their order."""
    return sorted(range(len(scores)), key=lambda i: -scores[i])


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b (Kendall 1945), which allows for ties; 1 where neither side orders anything."""
    same = opposite = tied_first = tied_second = 0
    for i in range(len(first)):
        for j in range(i):
            a, b = first[i] - first[j], second[i] - second[j]
            agrees = (a > 0) == (b > 0)  # signs, not products: those of tiny differences underflow
            same += bool(a and b) and agrees
            opposite += bool(a and b) and not agrees
            tied_first += a == 0 and b != 0
            tied_second += b == 0 and a != 0
    ordered = same + opposite
    scale = ((ordered + tied_first) * (ordered + tied_second)) ** 0.5
    if scale == 0:
        return 1.0 if tied_first == tied_second == 0 else 0.0
    return float((same - opposite) / scale)


def top_agreement(first: Sequence[float], second: Sequence[float], k: int) -> float:
    """Share of the best ``k`` that both sides have in common."""
    k = min(k, len(first))
    return len(set(order(first)[:k]) & set(order(second)[:k])) / k


def reciprocal_rank(scores: Sequence[float], relevant: Sequence[bool], k: int) -> float:
    """1 / rank of the best relevant one among the first ``k``, else 0."""
    return next((1 / rank for rank, i in enumerate(order(scores)[:k], 1) if relevant[i]), 0.0)


def largest_difference(first: Sequence[float], second: Sequence[float]) -> float:
    """Largest absolute difference of two equally long sequences."""
    return max(abs(a - b) for a, b in zip(first, second, strict=True))
