"""Fits and calibrates the logistic regression of ``StarterReranker``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from rerank.soft_features import NAMES
from rerank.training.examples import Example

STEPS = 300
LEARNING_RATE = 0.03
DECAY = 0.003
"""L2 on the weights of standardised features; .001 to .03 differ by less than .01 MRR@10."""
JUDGED_SHARE = 0.3
"""Weight of judging each candidate by itself beside ordering a question's candidates."""
GROUP = 60
"""Questions from which on a set weighs little more than a smaller one."""
CALIBRATED = 3
"""Candidates of each question that calibration looks at: what a generator may be given."""
_NO = -1e4

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Log-odds of relevance = ``bias`` + ``coefficients`` · features."""

    bias: float
    coefficients: Weights

    def log_odds(self, values: npt.NDArray[np.float32]) -> Weights:
        """Of each candidate; values: shape (candidates, features)."""
        return self.bias + values.astype(np.float64) @ self.coefficients


def fit(examples: Sequence[Example]) -> Fitted:
    """Softmax cross-entropy over each question's candidates, plus cross-entropy of the single judgements.

    The order makes it a reranker (ListNet's top-one loss: Cao et al., ICML 2007), the judgements give it a
    scale on which questions without an answer stay low. Adam from zero, all examples at once: the same on
    every run. The scale is then set by ``calibrated``.
    """
    torch.manual_seed(0)
    values, relevant, there = _padded(examples)
    flat = values[there]
    mean, spread = flat.mean(0), flat.std(0) + 1e-6
    values = (values - mean) / spread
    sizes = Counter(example.group for example in examples)
    importance = torch.tensor([min(1.0, GROUP / sizes[example.group]) + 0.3 for example in examples])
    answered = relevant.any(1)
    weights = torch.zeros(len(NAMES), requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=LEARNING_RATE)
    right = relevant.float()
    for _ in range(STEPS):
        log_odds = (values @ weights + bias).masked_fill(~there, _NO)
        ordered = -(torch.log_softmax(log_odds, 1) * right).sum(1) / right.sum(1).clamp(min=1)
        missed = torch.nn.functional.softplus(-log_odds) * right
        best_wrong = torch.logsumexp(log_odds.masked_fill(relevant, _NO), 1)
        judged = missed.sum(1) / right.sum(1).clamp(min=1) + torch.nn.functional.softplus(best_wrong) / 2
        loss = (ordered * importance * answered).sum() / (importance * answered).sum()
        loss = loss + JUDGED_SHARE * (judged * importance).mean() + DECAY * weights.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    coefficients = (weights / spread).detach().double()
    return Fitted(float(bias.detach() - (coefficients * mean.double()).sum()), coefficients.numpy())


def calibrated(fitted: Fitted, examples: Sequence[Example]) -> Fitted:
    """The same order on a scale on which relevance is the share of such candidates that answer.

    Platt, "Probabilistic outputs for support vector machines", 1999, with his smoothed targets, so that
    examples that can be told apart without error give no boundless scale. Looks at the ``CALIBRATED`` best of
    each question. Questions with and without an answer count as much as each other within a set, and all
    sets the same.
    """
    scores, labels, importance = [], [], []
    sizes = Counter((example.group, example.answerable) for example in examples)
    for example in examples:
        log_odds = fitted.log_odds(example.values)
        for place in np.argsort(-log_odds, kind="stable")[:CALIBRATED]:
            scores.append(log_odds[place])
            labels.append(bool(example.relevant[place]))
            importance.append(1.0 / sizes[example.group, example.answerable])
    x = torch.tensor(np.array(scores))
    yes = sum(labels)
    said = [(yes + 1) / (yes + 2) if label else 1 / (len(labels) - yes + 2) for label in labels]
    y = torch.tensor(said, dtype=torch.float64)
    w = torch.tensor(importance, dtype=torch.float64)
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            x * line[0] + line[1], y, weight=w, reduction="sum"
        )
        each.backward()  # type: ignore[no-untyped-call]
        return each

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    slope, offset = (float(value) for value in line.detach())
    return Fitted(fitted.bias * slope + offset, fitted.coefficients * slope)


def _padded(examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(example.values) for example in examples)
    values = torch.zeros(len(examples), longest, len(NAMES))
    relevant = torch.zeros(len(examples), longest, dtype=torch.bool)
    there = torch.zeros(len(examples), longest, dtype=torch.bool)
    for row, example in enumerate(examples):
        count = len(example.values)
        values[row, :count] = torch.from_numpy(example.values)
        relevant[row, :count] = torch.from_numpy(example.relevant)
        there[row, :count] = True
    return values, relevant, there
