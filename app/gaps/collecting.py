"""Whatever was asked since is looked at, and gaps are put where they belong."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from app.errors import TouchstoneError
from app.gaps.grouping import Exemplars, Likeness
from app.gaps.taking import asking_of
from app.services import Services
from app.storage.gap_askings import Asking, GapAskings, Kept, Kind, Named, Pending, Scope, Vector, wording_id
from retrieval.analysis import normalise
from retrieval.errors import RetrievalError
from retrieval.types import Notice

BATCH = 32  # questions embedded at once, and put away in one transaction
SMALL_BATCH = 8  # the same while somebody waits
CLOSE_S = 5.0
log = logging.getLogger(__name__)


class Collector:
    """Looks at what waits, in the order it was asked. One at a time; thread-safe.

    A list that is asked for first looks at what it can in a moment; what is left is done by a thread that
    ends with it and rests as long as it works, so that the chat keeps its models.
    """

    def __init__(self, services: Services) -> None:
        self.rows = GapAskings(services.database)
        self._services = services
        self._one = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def catch_up(self, within_s: float) -> tuple[Notice, ...]:
        """Look at what waits for so long, and leave the rest to the thread; what has to be said about that.

        Raises ``NotReady`` while models load.
        """
        if self.rows.waiting() == 0:
            return ()
        _ = self._services.models  # raises while they load
        if self._one.acquire(timeout=within_s):
            try:
                self._work(time.perf_counter() + within_s, rest=False)
            except (RetrievalError, TouchstoneError) as error:
                log.warning("questions cannot be grouped: %s", error)
                return (Notice.of("gaps_not_grouped", reason=error),)
            finally:
                self._one.release()
        if self.rows.waiting() == 0:
            return ()
        self._start()
        return (Notice.of("gaps_pending"),)  # how many is not said: they may be over anything

    def close(self) -> None:
        """Let the thread end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _start(self) -> None:
        if self._stopping.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="gaps", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._one:
            try:
                self._work(None, rest=True)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("gaps")

    def _work(self, until: float | None, *, rest: bool) -> None:
        """Look at everything that waits, batch by batch, until that time of ``perf_counter``."""
        embedder = self._services.models.embedder
        likeness = Likeness(
            self._services.settings.gaps, measured=self._services.models.profile == "starter"
        )
        self.rows.forget_vectors(but=embedder.identity)
        known: dict[Scope, Exemplars] = {}
        while not self._stopping.is_set():
            began = time.perf_counter()
            if until is not None and began >= until:
                return
            some = self.rows.pending(BATCH if rest else SMALL_BATCH)
            if not some:
                return
            self._take(some, likeness, known)
            if rest:
                self._stopping.wait(time.perf_counter() - began)

    def _take(self, some: Sequence[Pending], likeness: Likeness, known: dict[Scope, Exemplars]) -> None:
        named = self.rows.named()
        seen = [self._asking(each, named) for each in some]
        texts = {wording_id(normalise(each.text)): each.text for each in seen if each is not None}
        vectors = self._vectors(texts)
        for scope in {each.scope for each in seen if each is not None} - known.keys():
            known[scope] = self._exemplars(scope, likeness)
        with self._services.database.transaction():
            for pending, before in zip(some, seen, strict=True):
                asking = self._asking(pending, named)
                if asking != before:
                    continue  # it changed in between, and waits for the next round
                self._put(pending, asking, vectors, known)
                self.rows.looked_at(pending)
            self.rows.keep_vectors(vectors, self._services.models.embedder.identity)

    def _asking(self, pending: Pending, named: dict[str, Named]) -> Asking | None:
        kept = self.rows.kept(pending)
        return None if kept is None else asking_of(kept, named)

    def _put(
        self,
        pending: Pending,
        asking: Asking | None,
        vectors: dict[str, Vector],
        known: dict[Scope, Exemplars],
    ) -> None:
        """Put a question where it belongs, out of where it was if that is somewhere else."""
        there, kept = self.rows.of(pending), self.rows.kept(pending)
        if kept is not None and kept.wiped and there is not None:
            asking = _wiped(kept, there[1])
        if asking is None:
            self.rows.drop(pending)
            return
        assert kept is not None  # noqa: S101 - else there were no asking
        wording = wording_id(normalise(asking.text))
        if there is not None:
            if wording == wording_id(normalise(there[1].text)) and asking.scope == there[1].scope:
                self.rows.judge(pending, asking)
                return
            self.rows.drop(pending)
        vector = vectors.get(wording)
        if vector is None:
            (vector,) = self._vectors({wording: asking.text}).values()
            vectors[wording] = vector
        exemplars = known.get(asking.scope)
        chosen = None if exemplars is None else exemplars.nearest(vector, asking.language)
        gap_id = self.rows.put(kept, asking, wording, chosen)
        if exemplars is not None:
            exemplars.add(gap_id, asking.language, vector)

    def _exemplars(self, scope: Scope, likeness: Likeness) -> Exemplars:
        given = self.rows.exemplars(scope)
        vectors = self._vectors({each.wording_id: each.text for each in given}, keep=True)
        return Exemplars(given, [vectors[each.wording_id] for each in given], likeness)

    def _vectors(self, texts: dict[str, str], *, keep: bool = False) -> dict[str, Vector]:
        """The vectors of wordings: those that are kept, the others made now (and kept, with ``keep``)."""
        embedder = self._services.models.embedder
        found = self.rows.vectors(texts.keys(), embedder.identity)
        lacking = [each for each in texts if each not in found]
        for some in (lacking[at : at + BATCH] for at in range(0, len(lacking), BATCH)):
            made = embedder.embed_queries([texts[each] for each in some])
            found |= dict(zip(some, made, strict=True))
        if keep and lacking:
            self.rows.keep_vectors({each: found[each] for each in lacking}, embedder.identity)
        return found


def _wiped(kept: Kept, before: Asking) -> Asking | None:
    """A question whose result went with a document: it stays what it was, but for words of that document."""
    kinds: list[Kind] = [each for each in before.kinds if each != "thumbs_down"]
    if kept.disliked:
        kinds.append("thumbs_down")
    return replace(before, text=kept.question, kinds=tuple(kinds)) if kinds else None
