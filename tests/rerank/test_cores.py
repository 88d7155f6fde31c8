import os

from rerank.cores import physical_cores


def test_at_least_one_core_and_no_more_than_threads() -> None:
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)
