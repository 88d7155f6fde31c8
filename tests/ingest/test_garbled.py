import pytest

from ingest.garbled import is_garbled


@pytest.mark.parametrize(
    "text",
    [
        "ČãþĜåêitpċâýěäéÈËeċâýěäéÈËeČãþĜåêitp",
        "plain words with\x0f\x15 control characters",
        "\ue000\ue001\ue002\ue003 private use characters",
        "\ufffd" * 10 + "replacement characters",
        "".join(chr(0x4E00 + 211 * i) for i in range(99)),
    ],
)
def test_nonsense_is_recognised(text: str) -> None:
    assert is_garbled(text)


@pytest.mark.parametrize(
    "text",
    [
        "员工入职满一年后享有五天带薪年假，未休的部分可以顺延到次年三月底。",
        "國立故宮博物院典藏中華歷代藝術文物，數量甚豐。",
        "データベースの接続設定を変更する場合は、管理者に連絡してください。",
        "Tiếng Việt là ngôn ngữ của người Việt và là ngôn ngữ chính thức tại Việt Nam.",
        "Le déjà-vu révèle une créativité élevée à l'été, où naît l'intérêt.",
        "\uf0b7 bullet of an icon font before a sentence of words",
        "ČãþĜ",
    ],
)
def test_text_of_any_language_is_not_nonsense(text: str) -> None:
    assert not is_garbled(text)
