from pathlib import Path

import pytest

from ingest.decode import decode
from ingest.errors import IngestError
from ingest.load import clean_name, find_files, load, sniff, to_source
from ingest.settings import IngestSettings
from tests.ingest.sources import SETTINGS


def _write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")


def test_folder_is_searched_recursively_and_named_relative_to_itself(tmp_path: Path) -> None:
    _write(tmp_path, "b.md", "sub/deep/a.txt", "a.pdf")
    assert [name for _, name in find_files([tmp_path]).files] == ["a.pdf", "b.md", "sub/deep/a.txt"]


def test_single_file_is_named_by_its_base_name(tmp_path: Path) -> None:
    _write(tmp_path, "sub/a.md")
    assert find_files([tmp_path / "sub" / "a.md"]).files == ((tmp_path / "sub" / "a.md", "a.md"),)


def test_what_is_left_out_of_a_folder_is_named_with_the_reason(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("x")
    root = tmp_path / "root"
    _write(root, "a.md", "logo.png", ".hidden.md", ".git/config")
    (root / "link.md").symlink_to(outside)
    found = find_files([root])
    assert [name for _, name in found.files] == ["a.md"]
    assert found.skipped == (
        (".git", "hidden"),
        (".hidden.md", "hidden"),
        ("link.md", "link_leaves_folder"),
        ("logo.png", "unsupported_type"),
    )


def test_file_of_an_unsupported_type_that_was_given_itself_is_not_skipped(tmp_path: Path) -> None:
    _write(tmp_path, "logo.png")
    assert [name for _, name in find_files([tmp_path / "logo.png"]).files] == ["logo.png"]


def test_second_file_of_the_same_name_is_skipped_and_reported(tmp_path: Path) -> None:
    _write(tmp_path, "one/a.md", "two/a.md")
    found = find_files([tmp_path / "one", tmp_path / "two"])
    assert [path for path, _ in found.files] == [tmp_path / "one" / "a.md"]
    assert found.skipped == (("a.md", "same_name"),)


def test_file_given_twice_is_found_once(tmp_path: Path) -> None:
    _write(tmp_path, "a.md")
    found = find_files([tmp_path, tmp_path / "a.md"])
    assert len(found.files) == 1
    assert found.skipped == ()


def test_missing_path_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="absent: there is no file or folder here") as caught:
        find_files([tmp_path / "absent"])
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"%PDF-1.7\n", "a.pdf", "application/pdf"),
        (b"junk\n%PDF-1.4\n", "a.pdf", "application/pdf"),
        (b"%PDF-1.7\n", "renamed.md", "application/pdf"),
        (b"# how %PDF- headers work", "a.md", "text/markdown"),
        (b"# title", "A.MARKDOWN", "text/markdown"),
        ("文本".encode("gb18030"), "a.txt", "text/plain"),
    ],
)
def test_type_is_told_by_content(data: bytes, name: str, media_type: str) -> None:
    assert sniff(data, name) == media_type


@pytest.mark.parametrize(
    ("data", "name", "code", "message"),
    [
        (b"", "a.pdf", "empty", "a.pdf: the file is empty"),
        (b"<!DOCTYPE html><p>Login", "a.pdf", "unsupported_type", "a web page .* under a .pdf name"),
        (b"plain words", "a.pdf", "unsupported_type", "not a PDF"),
        (b"\x89PNG\r\n", "a.png", "unsupported_type", "neither a PDF nor one of .pdf, .md"),
        (b"GIF\x00\x00", "a.md", "unsupported_type", "holds binary data"),
        (b"abc \xff\x80\x80 def", "a.txt", "undecodable", "save it as UTF-8"),
    ],
)
def test_unfit_file_is_refused_with_code_and_remedy(data: bytes, name: str, code: str, message: str) -> None:
    with pytest.raises(IngestError, match=message) as caught:
        sniff(data, name)
    assert caught.value.code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_text_is_decoded_from_every_known_encoding(encoding: str) -> None:
    assert decode("知识库，第一行\r\n第二行\rthird".encode(encoding)) == "知识库，第一行\n第二行\nthird"


@pytest.mark.parametrize(("text", "encoding"), [("簡體繁體轉換說明", "big5"), ("café déjà vu", "latin-1")])
def test_other_encodings_are_refused_rather_than_garbled(text: str, encoding: str) -> None:
    with pytest.raises(IngestError, match="neither UTF-8, UTF-16 nor GB18030"):
        decode((text * 3).encode(encoding))


def test_source_carries_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    found = load(path, name="a.txt", collection="c", document_id="d", settings=SETTINGS)
    assert found.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_file_over_the_size_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    with pytest.raises(IngestError, match="11 bytes are more than the limit of 10") as caught:
        load(path, name="a.txt", collection="c", document_id="d", settings=IngestSettings(max_file_bytes=10))
    assert caught.value.code == "too_large"


def test_upload_over_the_size_limit_is_refused() -> None:
    with pytest.raises(IngestError, match=r"raise ingest\.max_file_bytes"):
        to_source(b"x" * 11, name="a.txt", collection="c", document_id="d",
                  settings=IngestSettings(max_file_bytes=10))


def test_name_loses_what_cannot_be_seen() -> None:
    assert clean_name("re\u0301sume\u0301\u202e\x07.md") == "résumé.md"


def test_long_name_keeps_its_suffix_and_fits_255_bytes() -> None:
    name = clean_name("长" * 200 + ".pdf")
    assert name.endswith(".pdf")
    assert "…" in name
    assert len(name.encode()) <= 255
