from tests.ingest.sources import parsed


def test_paragraphs_are_set_apart_by_empty_lines() -> None:
    document = parsed("  one\ntwo\n \t\n\nthree  \n", "notes/a b.txt")
    assert [document.text[block.start : block.end] for block in document.blocks] == ["one\ntwo", "three"]
    assert {block.kind for block in document.blocks} == {"paragraph"}


def test_title_is_the_stem_of_the_file() -> None:
    assert parsed("x", "notes/a b.txt").title == "a b"
