from generation.addresses import addresses


def test_addresses_are_found_whole_among_chinese() -> None:
    assert addresses("见https://a.example/路径?x=1，或（https://b.example/c）。") == {
        "https://a.example/路径?x=1",
        "https://b.example/c",
    }


def test_every_way_to_write_one_in_markdown_is_seen() -> None:
    text = (
        "[a](https://a.example/1) ![b](https://b.example/p.png?q=x) <https://u:p@c.example/> "
        "[d]\n\n[d]: https://d.example/r \"title\"\n"
    )
    assert addresses(text) == {
        "https://a.example/1",
        "https://b.example/p.png?q=x",
        "https://u:p@c.example/",
        "https://d.example/r",
    }


def test_schemes_that_run_or_read_something_are_addresses() -> None:
    assert addresses("javascript:alert(1) data:text/html,hi file:///etc/passwd") == {
        "javascript:alert(1",
        "data:text/html,hi",
        "file:///etc/passwd",
    }
    assert addresses("metadata: none, profile: x") == frozenset()
