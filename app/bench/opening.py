"""How benchmarks get services, and a process of their own."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from app.services import Services
from app.settings import Settings

Open = Callable[[Settings], AbstractContextManager[Services]]
P = ParamSpec("P")
T = TypeVar("T")


def apart(measure: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function gives back, run in a new process: it finds no memory, cache or library of another's.

    Function, arguments and result must be picklable. What it raises is raised here; a process that is killed
    raises ``concurrent.futures.process.BrokenProcessPool``.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *args, **kwargs).result()
