"""What a person does to look after a data directory; the API and the command line both go through here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.care.archive import Member
from app.care.backup import members, prepared
from app.care.findings import Diagnosis, finding_view
from app.care.inspection import Inspection
from app.care.rebuild import Rebuild
from app.care.repair import Repair
from app.services import Services
from app.storage.collections import Collection

Step = Callable[[str, int, int], None]
"""Called with what is being done, how far, and out of how much."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup on its way out, to be read once; ``size_bytes`` is about what will come."""

    size_bytes: int
    members: Iterator[Member]


class Care:
    """Finds, repairs and rebuilds. Needs no models; the services need not be loaded, but may be."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def diagnose(self, *, repair: bool = False, step: Step = lambda *_: None) -> Diagnosis:
        """What is wrong and, with ``repair``, what was put right and what is left."""
        inspection = Inspection(self._services)
        before = inspection.findings(step)
        if not repair or not before:
            return Diagnosis(findings=tuple(map(finding_view, before)))
        Repair(self._services).repair(before, step)
        after = inspection.findings(step)
        left = {(each.code, each.where) for each in after}
        return Diagnosis(
            findings=tuple(map(finding_view, after)),
            repaired=tuple(finding_view(each) for each in before if (each.code, each.where) not in left),
        )

    @contextmanager
    def backup(self, step: Step = lambda *_: None) -> Iterator[Archive]:
        """A backup that is ready to be written; files it refers to are kept until the block ends."""
        with prepared(self._services, step) as found:
            yield Archive(found.size_bytes, members(self._services, found, step))

    def rebuild(
        self, name: str | None, step: Step = lambda *_: None, stopped: Callable[[], bool] = lambda: False
    ) -> list[str]:
        """Build the indexes of a collection, or of all, again; their names. Raises ``NotFound``.

        Where it is stopped, the old index of what was not finished stays, and it is not among the names.
        """
        collections = self._services.collections
        chosen: Sequence[Collection] = collections.all() if name is None else [collections.named(name)]
        done = []
        for each in chosen:
            told = _named(step, each.name)
            if not Rebuild(self._services).collection(each, told, stopped):
                break
            done.append(each.name)
        return done


def _named(step: Step, name: str) -> Step:
    return lambda stage, done, total: step(f"{stage} {name}", done, total)
