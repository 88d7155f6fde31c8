"""A run against a kept one: fails where something is significantly worse."""

import json
from collections.abc import Mapping
from pathlib import Path

from app.errors import BadRequest, TouchstoneError
from app.evaluation.comparison import Difference, compare
from app.evaluation.rows import read_text
from app.evaluation.values import Values, unpack


class GateFailed(TouchstoneError):
    """At least one measure is significantly worse than in the baseline."""

    code = "gate_failed"
    exit_code = 5


def read_baseline(path: Path) -> dict[str, Mapping[str, object]]:
    """The reports of a result file, by set. Raises ``BadRequest``."""
    try:
        kept = json.loads(read_text(path))
        reports = kept["sets"] if "sets" in kept else {kept["set"]: kept}
        if not all(isinstance(report, dict) and "values" in report for report in reports.values()):
            raise KeyError("values")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"{path} is no result of `touchstone evaluate --json`: {error!r}") from error
    return dict(reports)


def against(
    baseline: Mapping[str, object], *, digest: str, asked_with: Mapping[str, bool], found: Values
) -> list[Difference]:
    """The differences from a baseline of the same set.

    ``asked_with``: whether questions were reranked and answered, which both must agree on. Raises
    ``BadRequest`` where they do not, where the set has changed since, or for no question in common.
    """
    name = baseline.get("set")
    if baseline.get("digest") != digest:
        raise BadRequest(
            f"the baseline is of another version of {name}: its documents have changed, or others of it "
            "(--documents) were searched; take a new baseline with --json"
        )
    if baseline.get("asked_with") != asked_with:
        raise BadRequest(
            f"the baseline of {name} was asked with {baseline.get('asked_with')}, this run with "
            f"{asked_with}; ask in the same way"
        )
    differences = compare(unpack(baseline["values"]), found)
    if not differences:
        raise BadRequest(f"this run and the baseline of {name} have no question in common")
    return differences


def fail_if_worse(differences: Mapping[str, list[Difference]]) -> None:
    """Raise ``GateFailed`` naming every measure that is worse beyond chance."""
    worse = [
        f"{name}: {each.measure} {each.before:.3f} → {each.after:.3f}"
        for name, found in differences.items()
        for each in found
        if each.is_worse
    ]
    if worse:
        raise GateFailed("significantly worse than the baseline: " + "; ".join(worse))
