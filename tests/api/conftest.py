"""Closes what the tests have opened."""

from collections.abc import Iterator

import pytest

from tests.api.served import opened


@pytest.fixture(autouse=True, scope="session")
def closing() -> Iterator[None]:
    """OpenAI's clients keep their connections until they are closed."""
    yield
    while opened:
        opened.pop().close()
