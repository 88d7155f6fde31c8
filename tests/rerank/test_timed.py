import threading
from collections.abc import Sequence

import pytest

from rerank.errors import RerankStopped
from rerank.protocols import Stopped, never
from rerank.timed import RerankTimeout, TimedReranker
from rerank.types import Scores


class MeetingReranker:
    """Scores only once two calls are inside at the same time; obeys ``stopped``."""

    identity = "meeting/1"
    max_tokens = 8192
    concurrent = True

    def __init__(self) -> None:
        self.both = threading.Event()
        self.count = 0

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.count += 1
        if self.count >= 2:
            self.both.set()
        while not self.both.wait(0.005):
            if stopped():
                raise RerankStopped("stopped")
        return Scores((0.5,) * len(passages))


def test_reranker_for_many_threads_is_entered_by_all_of_them() -> None:
    timed = TimedReranker(MeetingReranker(), timeout_s=20)
    results: list[float] = []
    threads = [
        threading.Thread(target=lambda: results.extend(timed.score("q", ["a"], "").relevance))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [0.5, 0.5]


def test_its_calls_end_at_their_deadline_and_leave_the_others_alone() -> None:
    timed = TimedReranker(MeetingReranker())
    with pytest.raises(RerankTimeout, match=r"no result within 0\.05 s"):
        timed.score_within(0.05, "q", ["a"], "")
    assert timed.score_within(20, "q", ["a"], "").relevance == (0.5,)


def test_its_calls_end_when_the_caller_stops() -> None:
    timed = TimedReranker(MeetingReranker())
    with pytest.raises(RerankStopped, match="stopped by the caller"):
        timed.score_within(20, "q", ["a"], "", lambda: True)
