"""The same question in other words, Chinese and English together: by the vectors of the embedder."""

from collections.abc import Sequence

import numpy as np

from app.api_settings import GapSettings
from app.storage.gap_askings import Exemplar, Vector


class Likeness:
    """How near two questions must be to be one, as cosine of their vectors (-1..1).

    Two thresholds, because an embedder puts a translation further away than another wording. They are
    properties of an embedder: measured for the starter's (app/docs/experiments.md, "Gaps: the same
    question"), and not for others, which get a cautious one until ``gaps`` of the settings says otherwise.
    """

    MEASURED = (0.65, 0.40)
    UNMEASURED = (0.85, 0.85)

    def __init__(self, settings: GapSettings, *, measured: bool) -> None:
        """``measured``: the embedder is the starter's."""
        same, other = self.MEASURED if measured else self.UNMEASURED
        self.same_language = same if settings.same_language is None else settings.same_language
        self.other_language = other if settings.other_language is None else settings.other_language


class Exemplars:
    """The first question of each gap in each language, over one scope; others are compared with these alone.

    A gap so stays what its first question was: it cannot drift from one wording to the next.
    """

    def __init__(self, given: Sequence[Exemplar], vectors: Sequence[Vector], likeness: Likeness) -> None:
        """``vectors`` in the order of ``given``."""
        self._likeness = likeness
        self._gaps = [each.gap_id for each in given]
        self._known = {(each.gap_id, each.language) for each in given}
        room, dim = max(len(given), 8), vectors[0].shape[0] if vectors else 0
        self._rows = np.zeros((room, dim), dtype=np.float32)
        self._english = np.zeros(room, dtype=bool)
        for place, (each, vector) in enumerate(zip(given, vectors, strict=True)):
            self._rows[place] = vector
            self._english[place] = each.language == "en"

    def nearest(self, vector: Vector, language: str) -> str | None:
        """The gap a question belongs to, None for none. Of several the one furthest above its threshold."""
        count = len(self._gaps)
        if count == 0:
            return None
        same = self._english[:count] == (language == "en")
        needed = np.where(same, self._likeness.same_language, self._likeness.other_language)
        above = self._rows[:count] @ vector - needed
        best = int(above.argmax())  # of equals the first: gaps are ordered by id
        return self._gaps[best] if above[best] >= 0 else None

    def add(self, gap_id: str, language: str, vector: Vector) -> None:
        """A question was put into a gap."""
        if (gap_id, language) in self._known:
            return
        count = len(self._gaps)
        if self._rows.shape[1] == 0:
            self._rows = np.zeros((len(self._rows), vector.shape[0]), dtype=np.float32)
        if count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._english = np.concatenate([self._english, np.zeros_like(self._english)])
        self._rows[count] = vector
        self._english[count] = language == "en"
        self._gaps.append(gap_id)
        self._known.add((gap_id, language))
