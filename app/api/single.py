"""One result of the models for a request that waits for it; a caller who leaves frees the model."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from fastapi import HTTPException, Request

from app.gate import Stopped, Visit

T = TypeVar("T")
POLL_S = 0.5  # how soon a closed connection is noticed
CLIENT_CLOSED = 499  # nginx's status for a request whose client has gone; nobody reads it


async def only(visit: Visit, work: Callable[[Stopped], Iterator[T]], request: Request) -> T:
    """What ``work`` gives, run behind the gate. Raises what it raises; the place is freed in every case."""
    items = visit.run(work)
    waiting = asyncio.ensure_future(anext(items))
    try:
        while not (await asyncio.wait({waiting}, timeout=POLL_S))[0]:
            if await request.is_disconnected():
                raise HTTPException(CLIENT_CLOSED, "the client has gone")
        return waiting.result()
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, Exception):  # told above, or of no interest to anyone any more
            await waiting
        await items.aclose()
        visit.leave()
