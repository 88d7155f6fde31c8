"""Errors of OCR are counted as the literature does, and only against the original of a scan."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bench.ocr_errors import distance, pairs, read_scan, summary
from app.errors import BadRequest
from ingest.scans import is_installed
from ingest.settings import IngestSettings
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.test_ocr import GOLDEN, needs_ocr

SHORT = st.text(alphabet="ab中", max_size=7)


def _plain_distance(one: str, other: str) -> int:
    """By the definition, without a table."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        _plain_distance(one[1:], other[1:]) + (one[0] != other[0]),
        _plain_distance(one[1:], other) + 1,
        _plain_distance(one, other[1:]) + 1,
    )


@given(SHORT.filter(lambda text: len(text) < 5), SHORT)
def test_distance_is_the_fewest_edits(one: str, other: str) -> None:
    assert distance(one, other) == _plain_distance(one, other)


def test_distance_of_long_texts() -> None:
    assert distance("kitten" * 200, "sitting" * 200) == 600


@pytest.mark.skipif(is_installed(), reason="the extra is installed")
def test_without_the_extra_nothing_is_measured(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"pip install 'touchstone-kb\[ocr\]'"):
        pairs(tmp_path, tmp_path)


@needs_ocr
def test_scan_is_compared_with_the_first_pages_of_its_original() -> None:
    ((scan, original),) = pairs(GOLDEN / "g03_zh_scanned.pdf", GOLDEN / "g01_zh_two_column.pdf")
    found = read_scan(scan, original, IngestSettings())
    assert (found.pages, found.characters) == (2, 1869)
    assert found.missing_share < 0.01
    assert found.missing <= found.errors < 0.06 * found.characters  # a header on two pages does not run
    assert found.seconds > 0 < found.cpu_s
    assert summary([found])["cer"] == found.cer


@needs_ocr
def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf([text(50, 700, "Typed text.")]))
    (tmp_path / "none").mkdir()
    for scans, originals, said in (
        (tmp_path, tmp_path / "none", "the originals of a.pdf are not in it"),
        (tmp_path / "none", tmp_path, "there is no PDF in it"),
    ):
        with pytest.raises(BadRequest, match=said):
            pairs(scans, originals)
    with pytest.raises(BadRequest, match="no page of it was read by OCR"):
        read_scan(tmp_path / "a.pdf", tmp_path / "a.pdf", IngestSettings())
    with pytest.raises(BadRequest, match=r"2 pages, .* only 1: not its original"):
        read_scan(GOLDEN / "g03_zh_scanned.pdf", tmp_path / "a.pdf", IngestSettings())
