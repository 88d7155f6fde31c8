from importlib import resources

from retrieval.folding import to_simplified


def groups() -> list[str]:
    text = resources.files("retrieval").joinpath("traditional.txt").read_text(encoding="utf-8")
    return [group for line in text.splitlines() if not line.startswith("#") for group in line.split()]


def test_traditional_question_folds_to_simplified() -> None:
    assert to_simplified("報銷發票需要哪些蓋章？單點登錄") == "报销发票需要哪些盖章？单点登录"


def test_folding_keeps_every_offset() -> None:
    assert len(to_simplified("後來 1 個 API")) == len("後來 1 個 API")


def test_each_traditional_character_folds_to_one_simplified_one() -> None:
    traditional = [character for group in groups() for character in group[1:]]
    assert len(traditional) == len(set(traditional)) == 1470
    assert not set(traditional) & {group[0] for group in groups()}


def test_traditional_sides_stand_outside_the_simplified_standard_but_for_known_exceptions() -> None:
    # GB 2312 is the character set of simplified Chinese; these it holds, for names and old writings.
    inside = [c for group in groups() for c in group[1:] if c.encode("gb2312", "ignore")]
    assert "".join(sorted(inside)) == "".join(sorted("於夥藉後乾徵摺捱麴菸醣薹"))
