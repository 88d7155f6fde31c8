import pytest

from retrieval.stemming import stem


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["configure", "configures", "configured", "configuring"], "configur"),
        (["policy", "policies"], "polici"),
        (["apply", "applies", "applied"], "appli"),
        (["plan", "plans", "planned", "planning"], "plan"),
        (["add", "adds", "added", "adding"], "add"),
        (["process", "processes", "processed", "processing"], "process"),
        (["use", "uses", "used", "using"], "use"),
        (["box", "boxes"], "box"),
        (["need", "needs", "needed"], "need"),
    ],
)
def test_inflections_share_a_stem(words: list[str], expected: str) -> None:
    assert [stem(word) for word in words] == [expected] * len(words)


@pytest.mark.parametrize("word", ["sso", "status", "access", "analysis", "string", "gas"])
def test_words_that_only_look_inflected_stay(word: str) -> None:
    assert stem(word) == word
