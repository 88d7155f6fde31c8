"""The fastest engine that really works on this machine: compiled, with CUDA graphs, or plain."""

import logging
from collections.abc import Callable

import torch

from rerank.decoder import EAGER, Steps, finish, project
from rerank.engine import PackedEngine
from rerank.packing import Request
from retrieval.types import Notice

logger = logging.getLogger(__name__)

Make = Callable[[Steps, bool], PackedEngine]
"""Steps and whether to use CUDA graphs -> an engine; called once per attempt."""

_PROBES = ((8, (16,)), (9, (20, 30, 40)), (9, (20, 30, 40)), (9, (20, 30, 40)))
"""Tokens of (beginning, tails). One pair and several, since one row is compiled apart; the repeats let a CUDA
graph be captured and replayed."""


def working_engine(make: Make, *, compiled: bool, graphs: bool) -> tuple[PackedEngine, tuple[Notice, ...]]:
    """An engine that has scored probes, with as much of what is asked for as works here.

    Compiling takes some 20 s, and a C++ compiler on CPU. Notices: ``rerank_not_compiled`` (reason),
    ``rerank_no_graphs`` (reason).
    """
    notices: list[Notice] = []
    if graphs:
        graphs = _works(make(EAGER, True), "rerank_no_graphs", notices)
    if compiled:
        steps = Steps(torch.compile(project, dynamic=True), torch.compile(finish, dynamic=True))
        engine = make(steps, graphs)
        if _works(engine, "rerank_not_compiled", notices):
            return engine, tuple(notices)
    return make(EAGER, graphs), tuple(notices)


def _works(engine: PackedEngine, code: str, notices: list[Notice]) -> bool:
    try:
        for shared, tails in _PROBES:
            engine.log_odds([Request([0] * shared, [[0] * count for count in tails])])
    except Exception as error:  # noqa: BLE001  compilers and drivers fail in many ways; the plain engine stands
        logger.warning("%s: %s", code, type(error).__name__)
        notices.append(Notice.of(code, reason=type(error).__name__))
        return False
    return True
