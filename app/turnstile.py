"""Many may pass at a time, or one alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turnstile:
    """A lock for readers and a writer. Who wants to be alone goes before those who come to pass later.

    Neither may be asked for inside the other, nor inside itself.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._passing = 0
        self._alone = 0  # those who are alone, or wait to be

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Together with others that pass."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._passing += 1
        try:
            yield
        finally:
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """With nobody else inside. Raises nothing; waits as long as it takes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone += 1
            self._changed.wait_for(lambda: not self._passing)
        try:
            yield
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()
