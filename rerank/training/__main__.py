"""``python -m rerank.training SETS``: makes ``data/starter/reranker.json`` again."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from rerank.soft_features import NAMES
from rerank.starter import WEIGHTS
from rerank.training.examples import Example, examples
from rerank.training.fit import Fitted, calibrated, fit
from rerank.training.labelled import read_set
from retrieval.starter_table import StarterTable, starter_folder

SETS = (
    "zh_csquad",
    "en_squad",
    "docs_ds",
    "zh_cmrc",
    "xling_zh2en",
    "xling_en2zh",
    "refusal_zh",
    "refusal_zh_near",
    "refusal_en",
)
VERSION = "1"
"""Of the features and of the recipe."""
KEPT = 0.9
"""Share of the answerable questions that the floor must let through, each set counting the same: a tool that
refuses what it could answer is not used."""


def main() -> None:
    """Read, fit, calibrate, write, and say what came out on the half it was fitted on."""
    parser = argparse.ArgumentParser(prog="python -m rerank.training", description=__doc__)
    parser.add_argument("sets", type=Path, help="folder of the evaluation sets (shared/eval/dev)")
    parser.add_argument("--table", type=Path, default=starter_folder(), help="folder of the table")
    parser.add_argument("--out", type=Path, default=starter_folder(), help="where the weights go")
    asked = parser.parse_args()
    table = StarterTable.load(asked.table)
    found: list[Example] = []
    for name in SETS:
        labelled = read_set(asked.sets / name)
        found += examples(labelled, table)
        sys.stderr.write(f"{name}: {len(labelled.questions)} questions\n")
    fitted = calibrated(fit(found), found)
    floor = round(_floor(fitted, found), 3)
    written = {
        "version": VERSION,
        "fitted_to": table.identity,
        "floor": floor,
        "bias": round(fitted.bias, 5),
        "coefficients": {
            name: round(value, 5) for name, value in zip(NAMES, fitted.coefficients.tolist(), strict=True)
        },
    }
    (asked.out / WEIGHTS).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    for name in dict.fromkeys(example.group for example in found):
        sys.stderr.write(f"{name}: {_measured(fitted, [e for e in found if e.group == name], floor)}\n")


def _floor(fitted: Fitted, found: list[Example]) -> float:
    """The relevance that lets ``KEPT`` of the answerable questions through."""
    answerable = [each for each in found if each.answerable]
    best = np.array([_relevance(fitted, each).max() for each in answerable])
    sizes = Counter(each.group for each in answerable)
    weights = np.array([1 / sizes[each.group] for each in answerable])
    order = best.argsort()
    passed = 1 - weights[order].cumsum() / weights.sum()
    return float(best[order][passed >= KEPT][-1])


def _measured(fitted: Fitted, found: list[Example], floor: float) -> str:
    ranks = []
    for each in found:
        if each.answerable:
            places = np.flatnonzero(each.relevant[np.argsort(-fitted.log_odds(each.values), kind="stable")])
            ranks.append(1 / (places[0] + 1) if places.size and places[0] < 10 else 0.0)
    best = [(each.answerable, _relevance(fitted, each).max() >= floor) for each in found]
    parts = [f"MRR@10 {np.mean(ranks):.3f}"]
    for answerable, what in ((True, "kept"), (False, "refused")):
        shares = [passed == answerable for labelled, passed in best if labelled == answerable]
        if shares:
            parts.append(f"{what} {np.mean(shares):.2f}")
    return ", ".join(parts)


def _relevance(fitted: Fitted, example: Example) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 1 / (1 + np.exp(-fitted.log_odds(example.values)))


if __name__ == "__main__":
    main()
