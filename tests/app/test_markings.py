"""What marks a text as internal, whatever it looks like; and what only sounds like it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.markings import is_marked

MARKED = (
    "仅供内部使用", "僅供內部參考", "内部资料", "內部資料，請勿外傳", "不得外传", "严禁对外泄露",
    "请勿向客户透露", "不要把底价告诉客户", "不得对客户承诺折扣", "本报价不对外公开", "公司机密",
    "仅限销售内部", "仅供公司内部使用", "供内部参考", "切勿让客户看到", "不可向外部客户提供",
    "Internal only", "internal use only", "For internal use", "do not share with customers",
    "Don't share this price list with any customers", "must not be disclosed to third parties",
    "not for external distribution", "Never tell the customer", "Do not show customers", "Staff only",
    "TLP:AMBER", "TLP: RED", "Please do not forward externally", "Not to be shared outside the company",
    "Do not quote this to a customer", "strictly confidential", "confidential and proprietary",
    "Commercial in confidence",
)  # fmt: skip
NOT_MARKED = (
    "内部系统的单点登录支持 SAML", "客户可以对外提供服务", "我们不会向第三方出售您的数据",
    "企业内部的文件可以共享", "请勿向他人透露密码", "不对外收费", "confidential computing is supported",
    "The internal API is documented", "data is not shared with third parties",
    "We do not share your data with third parties", "we never disclose data to third parties",
    "internal users can log in", "Do not share your password", "Customers do not need to send documents",
    "Employees have 12 days of leave", "",
)  # fmt: skip
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@pytest.mark.parametrize("text", MARKED)
def test_a_marking_is_found(text: str) -> None:
    assert is_marked(f"# Prices\n\nOne. {text}. The floor is 35 %.")


@pytest.mark.parametrize("text", NOT_MARKED)
def test_words_that_products_and_policies_use_are_no_marking(text: str) -> None:
    assert not is_marked(text)


@given(marking=st.sampled_from(MARKED), data=st.data())
def test_layout_case_width_and_invisible_characters_hide_no_marking(
    marking: str, data: st.DataObject
) -> None:
    how = data.draw(st.sampled_from(("upper", "wide", "bold", "broken", "spaced", "invisible", "composed")))
    shown = {
        "upper": marking.upper(),
        "wide": marking.translate(WIDE),
        "bold": f"**{marking}**",
        "broken": marking.replace(" ", "\n"),
        "spaced": " ".join(marking) if not marking.isascii() and " " not in marking else marking,
        "invisible": "\u200b".join(marking),
        "composed": unicodedata.normalize("NFKD", marking),
    }[how]
    before, after = (data.draw(st.sampled_from(("", "。", "\n\n", " > "))) for _ in range(2))
    assert is_marked(f"{before}{shown}{after}")
