"""SIGKILL while a document comes back: it is shown whole or not at all, and can still be restored."""

from pathlib import Path

import pytest

from app.failpoints import KILLED
from tests.faults.killed import check_whole, contents, opened, run_killed

pytestmark = pytest.mark.fault

OLD = b"# Leave\n\nEmployees have 12 days of annual leave.\n"
NEW = b"# Leave\n\nEmployees have 15 days of annual leave.\n\n## Sick leave\n\nA note is needed.\n"


@pytest.mark.parametrize(
    ("action", "step"),
    [("restore", "restore.indexed"), ("restore", "restore.after"), ("rollback", "restore.indexed")],
)
def test_document_that_comes_back_is_shown_whole_or_not_at_all(
    action: str, step: str, tmp_path: Path
) -> None:
    with opened(tmp_path / "data", trash_days=30) as services:
        services.add(OLD, "leave.md", "handbook")
        old = contents(services)
        services.add(NEW, "leave.md", "handbook")
        new = contents(services)
        if action == "restore":
            with services.writing() as library:
                library.delete("handbook", "leave.md")
    assert run_killed(tmp_path / "data", tmp_path, f"{step}=exit", action=action) == KILLED
    done = step == "restore.after"
    with opened(tmp_path / "data", trash_days=30) as services:
        before, after = ({}, new) if action == "restore" else (new, old)
        assert contents(services) == (after if done else before)
        check_whole(services)
        if not done:
            trash = services.caretaker.trash
            if action == "restore":
                trash.restore("handbook", "leave.md")
            else:
                trash.rollback("handbook", "leave.md", 1)
            assert contents(services) == after
            check_whole(services)
