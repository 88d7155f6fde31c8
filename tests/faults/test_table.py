"""The table of fault runs names tests that there are."""

import re
from pathlib import Path

from app.failpoints import POINTS
from tests.faults.test_killed_jobs import KILLS, KILLS_OF_UNPACKING, KILLS_WITH_TRASH

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "app" / "docs" / "faults.md").read_text(encoding="utf-8")


def test_every_test_that_the_table_names_is_there() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", TABLE)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_counts_of_the_table_are_those_of_the_tests() -> None:
    kills = [sum(map(len, each.values())) for each in (KILLS, KILLS_WITH_TRASH)]
    assert f"each of the {len(POINTS)} fail points" in TABLE
    assert [f"{number} kills" in TABLE for number in (*kills, len(KILLS_OF_UNPACKING))] == [True] * 3
