"""Qwen3's decoder on packed rows: token ids in, the normed state of each pair's last token out.

Source: transformers ``models/qwen3/modeling_qwen3.py`` (5.23), in which every line of arithmetic below has
its counterpart. Differences, all exact in real arithmetic: rows instead of a padded batch, q/k/v and gate/up
as one product each, in the last layer queries and MLP for the last rows only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rerank.attention import Attend, Plan
from rerank.errors import RerankStopped
from rerank.linear import Weight, add_linear, linear, rows
from rerank.protocols import Stopped


@dataclass(frozen=True, slots=True)
class Geometry:
    """The numbers of a checkpoint's ``config.json`` that the forward pass needs."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    epsilon: float
    rope_theta: float
    max_positions: int


class Layer(NamedTuple):
    """Weights of one decoder layer; ``head_norm`` has a row for each query head, then each key head."""

    input_norm: Tensor
    qkv: Weight
    head_norm: Tensor
    out: Weight
    post_norm: Tensor
    gate_up: Weight
    down: Weight


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass on the device: int32 ``ids`` and ``positions`` (rows,), ``last`` (pairs,), plans."""

    ids: Tensor
    positions: Tensor
    last: Tensor
    plan: Plan
    last_plan: Plan


class Steps(NamedTuple):
    """The two halves of a layer around attention: as they are, or compiled."""

    project: Callable[[Tensor, Tensor, Weight, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
    finish: Callable[[Tensor, Tensor, Weight, Tensor, Weight, Weight, float], None]


def project(
    x: Tensor, norm: Tensor, weight: Weight, head_norm: Tensor, cos: Tensor, sin: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Rows (rows, hidden) -> rotated heads (rows, heads of ``head_norm``, dim) and the heads behind them.

    Head norm and rotation run in float32 and are rounded once.
    """
    count, dim = head_norm.shape
    heads = linear(F.rms_norm(x, (x.size(-1),), norm, epsilon), weight).view(x.size(0), -1, dim)
    normed = F.rms_norm(heads[:, :count].float(), (dim,), None, epsilon).mul_(head_norm)
    left, right = normed.chunk(2, -1)
    turned = normed * cos
    turned[..., : dim // 2].addcmul_(right, sin, value=-1)
    turned[..., dim // 2 :].addcmul_(left, sin)
    return turned.to(x.dtype), heads[:, count:]


def finish(
    x: Tensor, attended: Tensor, out: Weight, norm: Tensor, gate_up: Weight, down: Weight, epsilon: float
) -> None:
    """Turns residual rows (rows, hidden) in place into the layer's result.

    ``attended`` is what attention gave, (rows, heads x dim).
    """
    add_linear(x, attended, out)
    gate, up = linear(F.rms_norm(x, (x.size(-1),), norm, epsilon), gate_up).chunk(2, -1)
    add_linear(x, F.silu(gate).mul_(up), down)


EAGER = Steps(project, finish)


class _Heads(NamedTuple):
    """What ``project`` gives for all rows: (rows, rotated heads, dim) and (rows, other heads, dim)."""

    turned: Tensor
    plain: Tensor


class Decoder:
    """All layers over one batch.

    ``block_rows`` bounds how many rows a product takes at a time, so that on CPU its temporaries stay in
    the cache; None is all of them.
    """

    def __init__(
        self,
        geometry: Geometry,
        embedding: Tensor,
        layers: tuple[Layer, ...],
        norm: Tensor,
        *,
        attend: Attend,
        steps: Steps = EAGER,
        block_rows: int | None = None,
    ) -> None:
        self.geometry = geometry
        self.steps = steps
        self._embedding = embedding
        self._layers = layers
        self._norm = norm.float()
        self._attend = attend
        self._block_rows = block_rows
        self._cos, self._sin = _rotation(geometry, embedding.device)

    def states(self, batch: Batch, stopped: Stopped) -> Tensor:
        """Normed float32 states of the last rows (pairs, hidden). ``stopped`` is polled before each layer."""
        x = F.embedding(batch.ids, self._embedding)
        # (rows, dim) and (rows, dim / 2), with an axis for the heads, which all turn by the same angle
        cos = self._cos.index_select(0, batch.positions).unsqueeze(1)
        sin = self._sin.index_select(0, batch.positions).unsqueeze(1)
        room: _Heads | None = None
        for layer in self._layers[:-1]:
            _poll(stopped)
            room = self._project(x, layer, cos, sin, 0, room)
            q, k = room.turned[:, : self.geometry.heads], room.turned[:, self.geometry.heads :]
            self._finish(x, self._attend(q, k, room.plain, batch.plan), layer)
        _poll(stopped)
        x = self._last(x, self._layers[-1], cos, sin, batch)
        return F.rms_norm(x.float(), (x.size(-1),), self._norm, self.geometry.epsilon)

    def _last(self, x: Tensor, layer: Layer, cos: Tensor, sin: Tensor, batch: Batch) -> Tensor:
        """The last layer: keys and values of every row, everything else of the last rows only."""
        heads = self.geometry.heads
        k, v = self._project(x, layer, cos, sin, heads, None)
        x, cos, sin = (each.index_select(0, batch.last) for each in (x, cos, sin))
        queries = rows(layer.qkv, 0, heads * self.geometry.head_dim)
        q, _ = self.steps.project(
            x, layer.input_norm, queries, layer.head_norm[:heads], cos, sin, self.geometry.epsilon
        )
        self._finish(x, self._attend(q, k, v, batch.last_plan), layer)
        return x

    def _project(
        self, x: Tensor, layer: Layer, cos: Tensor, sin: Tensor, first: int, room: "_Heads | None"
    ) -> "_Heads":
        """All heads from ``first`` on; ``room`` is an earlier result that may be overwritten."""
        shape = self.geometry
        weight = rows(
            layer.qkv, first * shape.head_dim, (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        )
        norms = layer.head_norm[first:]
        blocks = self._blocks(x.size(0))
        if len(blocks) == 1:
            return _Heads(
                *self.steps.project(x, layer.input_norm, weight, norms, cos, sin, shape.epsilon)
            )
        room = room or _Heads(
            x.new_empty(x.size(0), norms.size(0), shape.head_dim),
            x.new_empty(x.size(0), shape.kv_heads, shape.head_dim),
        )
        for at in blocks:
            room.turned[at], room.plain[at] = self.steps.project(
                x[at], layer.input_norm, weight, norms, cos[at], sin[at], shape.epsilon
            )
        return room

    def _finish(self, x: Tensor, attended: Tensor, layer: Layer) -> None:
        flat = attended.flatten(1)
        for at in self._blocks(x.size(0)):
            self.steps.finish(
                x[at], flat[at], layer.out, layer.post_norm, layer.gate_up, layer.down, self.geometry.epsilon
            )

    def _blocks(self, count: int) -> list[slice]:
        """Consecutive rows, in equal parts of at most ``block_rows``."""
        if self._block_rows is None or count <= self._block_rows:
            return [slice(0, count)]
        parts = -(-count // self._block_rows)
        return [slice(count * i // parts, count * (i + 1) // parts) for i in range(parts)]


def _poll(stopped: Stopped) -> None:
    if stopped():
        raise RerankStopped("stopped between two layers")


def _rotation(geometry: Geometry, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine (positions, dim) and sine (positions, dim / 2) of RoPE (arXiv 2104.09864), float32.

    Dimension i turns together with i + dim / 2, by the same angle, so the cosines stand twice.
    """
    step = torch.arange(0, geometry.head_dim, 2, dtype=torch.float32) / geometry.head_dim
    angle = torch.outer(
        torch.arange(geometry.max_positions, dtype=torch.float32), 1.0 / geometry.rope_theta**step
    )
    return torch.cat((angle, angle), -1).cos().to(device), angle.sin().to(device)
