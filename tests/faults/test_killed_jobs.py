"""SIGKILL before and after every step of a job: what was acknowledged ends as if nothing had happened."""

from pathlib import Path

import pytest

from app.failpoints import KILLED
from tests.faults.killed import check_whole, contents, finish, opened, run_killed

pytestmark = pytest.mark.fault

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n\n## Sick leave\n\nA doctor's note is needed.\n"
TRAVEL = "# 出差\n\n机票由行政部统一预订。\n\n## 报销\n\n发票须盖发票专用章。\n"
# One fail point for each kind of thing that may be half-done; ``app.failpoints.POINTS`` lists them all.
STEPS = (
    "receive.half", "store.blob", "store.after", "parse.after", "chunk.after", "embed.batch", "index.after",
    "publish.inside", "publish.after",
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, encoding="utf-8")
    (folder / "travel.md").write_text(TRAVEL, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the files become when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "leave.md").write_text(LEAVE, encoding="utf-8")
    (folder / "travel.md").write_text(TRAVEL, encoding="utf-8")
    with opened(folder / "data") as services:
        services.ingest([(folder / name, name) for name in ("leave.md", "travel.md")], "handbook")
        return contents(services)


@pytest.mark.parametrize("step", STEPS)
def test_ingestion_killed_at_any_step_ends_as_if_nothing_had_happened(
    step: str, tmp_path: Path, files: Path, undisturbed: dict[str, object]
) -> None:
    assert run_killed(tmp_path / "data", files, f"{step}=exit") == KILLED
    with opened(tmp_path / "data") as services:
        acknowledged = {job.name for job in services.ingestion.jobs.page()}
        assert set(finish(services)) <= {"ready"}
        services.collections.create("handbook")
        assert set(contents(services)) >= acknowledged
        services.ingest([(path, path.name) for path in sorted(files.iterdir())], "handbook")
        assert contents(services) == undisturbed
        check_whole(services)


@pytest.mark.parametrize("step", ["index.after", "reindex.inside", "reindex.after"])
def test_killed_reindex_goes_on_at_the_next_start_and_answers_meanwhile(
    step: str, tmp_path: Path, files: Path, undisturbed: dict[str, object]
) -> None:
    with opened(tmp_path / "data") as services:
        services.ingest([(path, path.name) for path in sorted(files.iterdir())], "handbook")
        before = services.documents.shown(services.collections.named("handbook").id)
    assert run_killed(tmp_path / "data", files, f"{step}=exit", action="reindex") == KILLED
    with opened(tmp_path / "data") as services:
        assert contents(services) == undisturbed
        assert set(finish(services)) <= {"ready"}
        assert contents(services) == undisturbed
        after = services.documents.shown(services.collections.named("handbook").id)
        assert [(row.id, row.version) for row in after] == [(row.id, 2) for row in before]
        check_whole(services)


def test_deletion_killed_before_its_sweep_is_finished_at_the_next_start(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data") as services:
        services.ingest([(path, path.name) for path in sorted(files.iterdir())], "handbook")
    assert run_killed(tmp_path / "data", files, "delete.after=exit", action="delete") == KILLED
    with opened(tmp_path / "data") as services:
        assert set(contents(services)) == {"travel.md"}
        check_whole(services)
