"""How much free memory the C library keeps to itself."""

import ctypes
import os

ARENAS = 2
"""Of glibc's malloc; by default eight times the cores, one for nearly every thread of an ingestion."""
_M_ARENA_MAX = -8  # malloc.h


def few_arenas() -> bool:
    """Have all threads share ``ARENAS`` heaps; whether that could be set. To be called before threads begin.

    A heap of its own for each thread keeps what the thread has freed: after 1,500 files 65 MB lay free with
    glibc's default and 19 MB with two heaps (app/docs/experiments.md). What is set in the environment
    (``MALLOC_ARENA_MAX``) stays.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is None or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(option(_M_ARENA_MAX, ARENAS))
