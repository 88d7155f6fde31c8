"""Vectors of tokens such that texts which say the same lie near each other (contrastive training)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from retrieval.training.groups import Corpus, Ids, Pairs, Texts
from retrieval.training.sources import Group

DIM = 256
BATCH = 1024
_SHARES: dict[Group, float] = {
    "tatoeba": 3,
    "python": 1.5,
    "documentation": 2,
    "sentences": 1,
    "hsk": 0.7,
    "dictionary": 4,
    "wordnet": 1,
    "names": 0.7,
    "passages_zh": 2,
    "passages_en": 2,
}
_RATE, _WARM_UP, _LEAST_RATE = 0.1, 50, 0.02  # of Adagrad; steps; share of the rate at the end
_TEMPERATURE_RATE = 1e-2
_DROPPED = 0.1
_FREQUENT = 3e-4  # Arora et al., "A simple but tough-to-beat baseline for sentence embeddings" (ICLR 2017)
_LOG_SCALE, _LOG_SCALE_RANGE = 3.0, (1.0, 4.0)  # of the similarities before the softmax

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands: the step just taken, the mean of the last losses of each group."""

    step: int
    losses: dict[Group, float]
    scale: float


class Trainer:
    """Learns the rows of ``vectors``, fp32 of shape (tokens, ``DIM``), step by step.

    A step takes up to ``BATCH`` pairs of one group; the other pairs' right texts are what each left text is
    not (InfoNCE, van den Oord et al. 2018, both ways round, with a learned temperature). A text is the sum
    of its tokens' vectors, normalised, so a row's norm becomes the weight of its token. Rows are updated by
    Adagrad (Duchi et al., JMLR 2011), only those that a batch holds: a token's steps shorten with how often
    it was met, which a rare one needs.
    """

    def __init__(self, corpus: Corpus, size: int, *, steps: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        counts = corpus.counts(size) + 1
        weight = _FREQUENT / (_FREQUENT + counts / counts.sum())  # smooth inverse frequency
        start = self._random.standard_normal((size, DIM), dtype=np.float32) / DIM**0.5
        self._rows = torch.from_numpy((start * weight[:, None]).astype(np.float32))
        self._squares = torch.zeros_like(self._rows)
        self._log_scale = torch.tensor(_LOG_SCALE, requires_grad=True)
        self._temperature = torch.optim.Adam([self._log_scale], lr=_TEMPERATURE_RATE, betas=(0.9, 0.99))
        self._place = np.zeros(size, dtype=np.int64)
        self._steps = steps
        self._step = 0
        self._groups = list(corpus.groups)
        shares = np.array([_SHARES[group] for group in self._groups])
        self._shares = shares / shares.sum()
        self._streams = {
            group: _Stream(pairs, self._random) for group, pairs in corpus.groups.items()
        }

    @property
    def vectors(self) -> Floats:
        """The rows as they are now."""
        return self._rows.numpy()

    def run(self, *, every: int, report: Callable[[Progress], None]) -> None:
        """Take all steps, telling ``report`` after every so many and after the last."""
        losses: dict[Group, list[float]] = {group: [] for group in self._groups}
        while self._step < self._steps:
            group = self._groups[int(self._random.choice(len(self._groups), p=self._shares))]
            losses[group].append(self._learn(self._streams[group]))
            self._step += 1
            if self._step % every == 0 or self._step == self._steps:
                means = {each: float(np.mean(values[-20:])) for each, values in losses.items() if values}
                report(Progress(self._step, means, float(self._log_scale.detach().exp())))

    def _learn(self, stream: "_Stream") -> float:
        """One step; the loss of its batch, in nats."""
        pairs, rows = stream.take(BATCH)
        left, left_lengths = self._view(pairs.left, rows)
        right, right_lengths = self._view(pairs.right, rows)
        size = len(self._place)
        held = np.flatnonzero(np.bincount(left, minlength=size) + np.bincount(right, minlength=size))
        self._place[held] = np.arange(len(held))
        index = torch.from_numpy(held)
        part = self._rows[index].requires_grad_()  # (tokens of the batch, DIM)
        one = self._sum(part, left, left_lengths)
        other = self._sum(part, right, right_lengths)
        similar = one @ other.T * self._log_scale.exp()  # (batch, batch)
        own = torch.arange(len(rows))
        loss = (functional.cross_entropy(similar, own) + functional.cross_entropy(similar.T, own)) / 2
        slope, self._log_scale.grad = torch.autograd.grad(loss, (part, self._log_scale))
        self._update(index, part.detach(), slope)
        self._temperature.step()
        self._log_scale.data.clamp_(*_LOG_SCALE_RANGE)
        return float(loss.detach())

    def _update(self, index: torch.Tensor, part: torch.Tensor, slope: torch.Tensor) -> None:
        """One step of Adagrad for these rows."""
        rate = _RATE * min(1.0, (self._step + 1) / _WARM_UP) * max(_LEAST_RATE, 1 - self._step / self._steps)
        squares = self._squares[index] + slope**2
        self._squares[index] = squares
        self._rows[index] = part - rate * slope / (squares.sqrt() + 1e-8)

    def _view(self, texts: Texts, rows: Ids) -> tuple[Ids, Ids]:
        """Tokens of these rows, cut into words or all of them by chance, some left out, never the first."""
        tokens, lengths = texts.gather(rows, self._random.integers(0, 2, len(rows)))
        kept = self._random.random(len(tokens), dtype=np.float32) >= _DROPPED
        begins = np.cumsum(lengths) - lengths
        kept[begins] = True
        return tokens[kept].astype(np.int64), np.add.reduceat(kept.astype(np.int64), begins)

    def _sum(self, part: torch.Tensor, tokens: Ids, lengths: Ids) -> torch.Tensor:
        places = torch.from_numpy(self._place[tokens])
        begins = torch.from_numpy(np.cumsum(lengths) - lengths)
        return functional.normalize(functional.embedding_bag(places, part, begins, mode="sum"), dim=-1)


class _Stream:
    """The pairs of a group in an order of chance, anew when they are through."""

    def __init__(self, pairs: Pairs, random: np.random.Generator) -> None:
        self._pairs = pairs
        self._random = random
        self._order = random.permutation(len(pairs))
        self._next = 0

    def take(self, most: int) -> tuple[Pairs, Ids]:
        """Rows of the next batch; of pairs with equal left or equal right texts only the first."""
        if self._next + most > len(self._order):
            self._order = self._random.permutation(len(self._pairs))
            self._next = 0
        rows = self._order[self._next : self._next + most]
        self._next += most
        for texts in (self._pairs.left, self._pairs.right):
            first = np.unique(texts.kinds[rows], return_index=True)[1]
            rows = rows[np.sort(first)]
        return self._pairs, rows
