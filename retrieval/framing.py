"""A colleague passes a customer's question on: what the customer asks, without the words around it."""

import re

_WHO_ZH = (
    r"(?:(?:如果|要是|假如|有|有个|有位|有的|一个|一位|某个?|这个|那个|我们?的?"
    r"|今天|刚才|刚刚|昨天)\s*){0,3}"
)
_ASKS_ZH = (
    r"(?:潜在|意向|老|新|大)?(?:客户|顾客|买家|甲方)们?"
    r"(?:刚才|刚刚|今天|昨天|经常|总是?|老是|一直|现在|又|还|会|来)?"
    # 客户问题、客户问卷 name a thing; nobody asks in them.
    r"(?:问(?![题題卷候責责答])(?:起|到|道|我们?|的是)?|来问|询问我们?|想知道|想了解|想问)(?:了|说|一下)*\s*[:：,，]?\s*"
)
_WHO_EN = r"(?:(?:so|hi|hello|if|when)\b,?\s+)?(?:(?:a|an|the|my|our|one|some|this|another)\s+(?:\w+\s+)?)?"
_ASKS_EN = (
    r"(?:customer|client|prospect|buyer)s?\s+(?:(?:is|are|has|have|just|now|often|keeps?)\s+)?"
    r"(?:asks?|asked|asking|wants? to know|wanted to know|would like to know|wonders?|wondering)"
    r"(?:\s+(?:me|us))?(?:\s+about)?(?=[\s:,，：])\s*[:,，：]?\s*(?:(?:whether|if)\s+)?"
)
_PASSED_ON = re.compile(rf"(?:{_WHO_ZH}{_ASKS_ZH}|{_WHO_EN}{_ASKS_EN})", re.I)
_WHAT_TO_SAY = re.compile(
    r"\s*[,，。；;？?！!.]*\s*"
    r"(?:(?:那么?)?(?:我们?|咱们?|销售|客服)?(?:该|应该|应当|要|需要|可以)?(?:怎么样?|如何|怎样|咋)(?:去|来)?"
    r"(?:回答|答复|回复|解释|应对|说|答|回|讲)(?:他们?|她们?|客户|顾客|对方|比较好|才好|好|才对|呢|啊)*"
    r"|(?:and\s+|so\s+)?(?:what|how)\s+(?:do|should|can|could|shall|would|must)\s+(?:i|we)\s+"
    r"(?:say|tell|answer|reply|respond|explain)\b[^.?!？。！]{0,30})"
    r"\s*[？?。.!！]*\s*$",
    re.I,
)
_QUOTES = ("“”", "「」", "『』", "‘’", '""', "''", "《》", "（）")


def unframed(question: str) -> str:
    """What is asked in a question that is passed on (客户问「…」，我该怎么答？ "A customer asks whether …").

    Everything else comes back as it is: without somebody who asks at its beginning nothing is taken away, so
    怎么回复投诉邮件 stays what it is. "" where nothing but the words around is there.
    """
    begins = _PASSED_ON.match(question)
    if begins is None:
        return question
    inner = _WHAT_TO_SAY.sub("", question[begins.end() :]).strip()
    mark = inner[-1:] if inner[-1:] in "?？" else ""
    bare = inner.rstrip("?？。.!！").strip() if mark else inner
    quoted = bare[:1] + bare[-1:] in _QUOTES and bare.find(bare[-1], 1) == len(bare) - 1
    return bare[1:-1].strip() if quoted else inner
