"""Contenders built and checked before they race: who computes something else is named, not timed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.bench.contenders import EIGHT_BIT, Contender
from app.bench.figures import largest_difference
from app.bench.meter import held
from app.bench.peers import Build, NotHere
from app.bench.workloads import Workload

CHECKED_PAIRS = 4
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.5}
"""Largest difference of log-odds from the card in float32 that is rounding. bfloat16: the card's own scores
move by up to 0.35 with what else is in the batch (random weights of the 0.6B geometry)."""
TOLERANCE_8_BIT = 0.25
"""The same for 8-bit integers, in parts of the spread of the card's log-odds over the checked pairs. Rounding
moved them by up to 0.1 of it (random weights, all five 8-bit contenders); a wrong prompt shuffles them."""


@dataclass(slots=True)
class Muster:
    """``about``: what each contender took to load, and its difference in the check; ``missing``: reasons."""

    device: str
    dtype: str
    missing: dict[str, str]
    about: dict[str, dict[str, object]] = field(default_factory=dict)

    def built(self, wanted: Mapping[str, Build]) -> dict[str, Contender]:
        """Those that can be built here, in the order given. Raises where ours cannot, but for fp8."""
        contenders: dict[str, Contender] = {}
        for name, make in wanted.items():
            before, began = held(self.device), time.perf_counter()
            try:
                contenders[name] = make()
            except Exception as error:  # peers fail in their own ways; the result says which and why
                if name.startswith("ours") and name != "ours fp8":
                    raise
                self.missing[name] = _told(error)
                continue
            after = held(self.device)
            self.about[name] = {
                "load_s": round(time.perf_counter() - began, 2),
                "weights_mb": None if before is None or after is None else round((after - before) / 1e6, 1),
            }
        return contenders

    def checked(
        self, contenders: Mapping[str, Contender], workload: Workload, expected: Sequence[float]
    ) -> dict[str, Contender]:
        """Those whose log-odds of the workload's first pairs are ``expected``, the card's in float32."""
        sound: dict[str, Contender] = {}
        passages = workload.passages[: len(expected)]
        for name, contender in contenders.items():
            try:
                difference = largest_difference(contender.log_odds(workload.query, passages), expected)
            except Exception as error:  # noqa: BLE001  as above
                self._drop(name, _told(error))
                continue
            allowed = self._allowed(name, expected)
            if difference <= allowed:
                self.about[name]["check_max_difference_log_odds"] = float(f"{difference:.3g}")
                sound[name] = contender
            else:
                self._drop(
                    name, f"wrong: its log-odds differ from the card's by {difference:.3g}, not {allowed:.3g}"
                )
        return sound

    def about_setup(self, contenders: Mapping[str, Contender]) -> None:
        """Keep how they were set up, which is complete only after they have run."""
        for name, contender in contenders.items():
            self.about[name]["setup"] = contender.note

    def _drop(self, name: str, reason: str) -> None:
        del self.about[name]
        self.missing[name] = reason

    def _allowed(self, name: str, expected: Sequence[float]) -> float:
        if name in EIGHT_BIT:
            return TOLERANCE_8_BIT * (max(expected) - min(expected))
        return TOLERANCE[self.dtype]


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, NotHere) else f"{type(error).__name__}: {error}"
