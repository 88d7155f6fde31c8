"""A generator whose pace a test sets while it writes."""

import threading
import time
from collections.abc import Iterator

from generation.protocols import Stopped, never
from generation.types import Prompt, Sampling
from tests.fakes.generation import ScriptedGenerator

SENTENCE = "Employees have 12 days of annual leave. [1] "
ANSWER = SENTENCE + "They ask for them in the portal, and the team lead answers. " * 6


class PacedGenerator(ScriptedGenerator):
    """Writes ``ANSWER``, ``pace_s`` a word; stands still behind ``hold_after`` words until ``release``.

    ``written`` counts the words of the last answer; ``ended`` is set once its thread is free again.
    """

    def __init__(self) -> None:
        super().__init__(ANSWER)
        self.pace_s = 0.0
        self.hold_after: int | None = None
        self.release = threading.Event()
        self.held = threading.Event()
        self.ended = threading.Event()
        self.written = 0
        self._count = threading.Lock()
        self._writing = 0

    def reset(self) -> None:
        """As fast as can be, once what is being written has ended."""
        self.release.set()
        self.pace_s, self.hold_after, self._fails_after = 0.0, None, None
        deadline = time.monotonic() + 10
        while self._writing:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def hold(self, after: int) -> None:
        """Let answers from now on stand still behind so many words."""
        self.release.clear()
        self.held.clear()
        self.hold_after = after

    def say(self, answer: str) -> None:
        """Let answers from now on say this."""
        self._answer = answer

    def fail(self, after: int) -> None:
        """Let answers from now on fail behind so many words."""
        self._fails_after = after

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """See the role."""
        written = 0  # its own: another answer may be written at the same time
        self.written = 0
        self.ended.clear()
        with self._count:
            self._writing += 1
        try:
            for word in super().stream(prompt, sampling, stopped):
                if written == self.hold_after:
                    self.held.set()
                    while not self.release.wait(0.01):
                        if stopped():
                            return
                time.sleep(self.pace_s)
                yield word
                written += 1
                self.written = written
        finally:
            with self._count:
                self._writing -= 1
            self.ended.set()
