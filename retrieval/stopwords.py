"""Words that say nothing about the subject of a text or question, in Chinese and English."""

import re

_ENGLISH = """
a an and are as at be been being but by can could did do does doing for from had has have he her his i if
in into is it its me my no nor not of on or our shall she should so some such than that the their them
then there these they this those to too was we were will with would you your
"""
_ENGLISH_ASKING = """
what how which who whom whose when where why please tell explain describe show give let need want like
know get any many much may might must help us about hi hello thanks thank also just am cannot
"""

ENGLISH_STOP = frozenset(_ENGLISH.split())
"""Left out of every list of terms."""

ENGLISH_FUNCTION = ENGLISH_STOP | frozenset(_ENGLISH_ASKING.split())
"""Left out of a question's content terms as well."""

_ASKING = """
什么样 什么时候 什么时间 什么地方 什么叫做 什么叫 什么是 什么 为什么 为啥 为何 干什么 干嘛 啥 怎么样
怎么办理 怎么办 怎么弄 怎么做 怎么用 怎么搞 怎么写 怎么说 怎么答 怎么回答 怎么回事
怎么 怎样 怎 咋办 咋弄 咋 如何 哪一个 哪一些 哪些 哪个 哪里 哪儿 哪种 哪类 哪年 哪天 哪位 哪 谁是 谁
多少 多久 多长时间 几个 何时 何地
"""
_FUNCTION = """
请问一下 请问 请教 请帮我 请 能不能够 能不能 可不可以 可以 能否 能够 是不是 是否 有没有 要不要 需不需要
需要 想要 应该 应当 我想知道 想知道 想了解 了解一下 了解 知道 我们 你们 他们 我
您 你 他 她 它 咱们 自己 任何 这个 那个 这些 那些 这种 那种 这里 那里 这样 那样 这 那 一下 一些 其他
其它 告诉 帮我 帮忙 介绍一下 说明一下 解释一下 麻烦 谢谢 您好 你好 关于 对于
吗 呢 吧 啊 呀 嘛 呗 哦 的 了 么
"""
# Words in which one of the strings above is part of a content word.
_KEPT = """
目的 标的 的确 的士 了结 终了 明了 罢了 自我 我国 我司 我行 我方 你方 吉他 他人
请假 申请 请示 请款 请求 邀请 聘请 请柬 宴请 提请 报请 所有 拥有 没有 具有 持有 享有 国有 私有 占有
"""


def _longest_first(words: str) -> str:
    return "|".join(sorted(words.split(), key=lambda word: (-len(word), word)))


# 几 asks like 多少: the measure after it stays, for the answer has it (年假有几天: 5 天).
_HOW_MANY = "几(?=[天次年月周位种])"

CHINESE_FUNCTION = re.compile(
    f"(?P<kept>{_longest_first(_KEPT)})|[是有在]?(?:{_longest_first(_ASKING)}|{_HOW_MANY})"
    f"|(?:{_longest_first(_FUNCTION)})"
)
"""Matches function words of a Chinese question, longest first; a match with ``kept`` is content after all."""

CHINESE_STOP_PAIRS = frozenset(
    word for word in (_ASKING + _FUNCTION + " 几天 几次").split() if len(word) == 2
)
"""Two-character function words, which as pairs would only lengthen an index."""
