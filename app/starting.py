"""How far starting has come, and what it waits for."""

from dataclasses import dataclass

from app.errors import DiskFull, StorageBusy
from retrieval.errors import IndexFull, IndexUnreachable

# What ends by itself, and what it is called where people see it (``loading_*`` in the catalogue).
_PATIENT = {IndexUnreachable: "chroma", IndexFull: "room", DiskFull: "room", StorageBusy: "database"}


@dataclass(frozen=True, slots=True)
class State:
    """How far starting has come: loading (what is being done), ready, or failed (why)."""

    name: str
    detail: str = ""


def state_after(error: BaseException) -> State:
    """Loading, where what stopped it ends by itself and it is worth trying again; else failed."""
    detail = next((told for kind, told in _PATIENT.items() if isinstance(error, kind)), "")
    return State("loading", detail) if detail else State("failed", str(error))
