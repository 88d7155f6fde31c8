import json
from pathlib import Path

import pytest

from app.permits import read_permits, write_permit
from tests.rerank.permits import permit


def changed(folder: Path, **values: object) -> Path:
    """A permit's file in which some values are others."""
    file = write_permit(folder, permit("abc"))
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")
    return folder


def test_permits_are_read_as_they_were_written(tmp_path: Path) -> None:
    first, second = permit("abc"), permit("def", dtype="fp8", device="cuda", mrr_at_10_change=None)
    file = write_permit(tmp_path / "permits", first)
    write_permit(tmp_path / "permits", second)
    found = read_permits(tmp_path / "permits")
    assert set(found.found) == {first, second}
    assert found.unusable == ()
    assert file.name == "permit-int8-cpu-abc.json"
    assert sorted(each.suffix for each in file.parent.iterdir()) == [".json", ".json"]


def test_measuring_again_replaces_the_permit(tmp_path: Path) -> None:
    write_permit(tmp_path, permit("abc"))
    write_permit(tmp_path, permit("abc", kendall_tau=0.5))
    [found] = read_permits(tmp_path).found
    assert found.kendall_tau == 0.5


def test_without_a_folder_there_are_no_permits(tmp_path: Path) -> None:
    found = read_permits(tmp_path / "nowhere")
    assert (found.found, found.unusable) == ((), ())


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"floor": 1.5}, "floor: Input should be less than or equal to 1"),
        ({"kendall_tau": float("nan")}, "kendall_tau: Input should be a finite number"),
        ({"kendall_tau": "0.99"}, "kendall_tau: Input should be a valid number"),
        ({"at": "2026-03-01T12:00:00"}, "at: Input should have timezone info"),
        ({"approved": True}, "approved: Extra inputs are not permitted"),
    ],
)
def test_damaged_permit_counts_as_none_and_is_named(
    tmp_path: Path, values: dict[str, object], named: str
) -> None:
    found = read_permits(changed(tmp_path, **values))
    assert found.found == ()
    assert found.unusable == (f"permit-int8-cpu-abc.json is no permit ({named})",)


def test_foreign_and_broken_files_do_not_hide_a_good_one(tmp_path: Path) -> None:
    write_permit(tmp_path, permit("abc"))
    (tmp_path / "a.json").write_text('{"half of', encoding="utf-8")
    (tmp_path / "b.json").mkdir()
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    (tmp_path / "note.txt").write_text("not looked at", encoding="utf-8")
    found = read_permits(tmp_path)
    assert [each.weights for each in found.found] == ["abc"]
    assert [sentence.split(" (")[0] for sentence in found.unusable] == [
        "a.json is no permit",
        "b.json cannot be read",
        "c.json is no permit",
    ]
