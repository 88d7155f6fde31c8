"""What kind of answer a question asks for, by its question words, and whether a text could be one."""

import re

_KINDS = (
    # how many, how long, how much
    (
        r"多少|几[个年月天次人名种号小时分钟点元]|多[大高长远久重快]"
        r"|\bhow (?:many|much|long|far|old|often|large)\b",
        r"\d|[一二两三四五六七八九十百千万]"
        r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twice|hundred)\b",
    ),
    # when
    (
        r"什么时候|什么时间|何时|哪[一]?[年月天日]|\bwhen\b|\bwhat (?:year|date|time|month)\b|\bwhich year\b",
        r"\d|[年月日周]|世纪|\b(?:century|day|week|month|year|before|after|until|during)s?\b",
    ),
    # how to
    (
        r"怎么(?!样)|怎样|如何|步骤|流程|\bhow (?:to|do|can|should)\b|\bsteps?\b",
        r"步骤|流程|首先|然后|点击|打开|选择|进入|填写|设置|配置|执行|运行|方法|需要|须|第[一二三1-3]步|\d[.)、]"
        r"|\b(?:steps?|first|then|click|open|select|choose|enter|run|set|use|press|install|configure|must)\b",
    ),
    # whether it can be done
    (
        r"能不能|能否|可不可以|可以吗|是否(?:支持|可以|能)|支持.{0,12}吗"
        r"|\b(?:can|does|do) (?:we|i|it|you|they)\b",
        r"支持|可以|能够|不能|无法|允许|\b(?:supports?|supported|can|cannot|allows?|available|able)\b",
    ),
    # what to do about a failure
    (
        r"失败|异常|报错|出错|错误|故障|\b(?:fail(?:s|ed|ure)?|errors?|crash(?:es|ed)?)\b|\bnot working\b",
        r"原因|检查|排查|解决|修复|重试|错误码|错误代码|日志|[A-Z]{2,}_[A-Z]{2,}"
        r"|\b(?:cause[ds]?|check|fix(?:ed)?|resolve[ds]?|retry|restart|error codes?|logs?)\b",
    ),
)
_COMPILED = tuple((re.compile(asks, re.IGNORECASE), re.compile(cue, re.IGNORECASE)) for asks, cue in _KINDS)


_ASKS_FOR_STEPS = re.compile(_KINDS[2][0], re.IGNORECASE)
_ORDERED = re.compile(
    r"^\s*(?:#+\s*)?(?:\d{1,2}[.)、]\s?|第[一二三四五六七八九十]+步|step \d)", re.IGNORECASE | re.MULTILINE
)


def lists_steps(question: str, passage: str) -> bool:
    """Whether a question for a way to do something meets a passage with two or more numbered steps."""
    return bool(_ASKS_FOR_STEPS.search(question)) and len(_ORDERED.findall(passage)) >= 2


def kind_missed(question: str, answer: str) -> bool:
    """Whether the question wants a number, a time, a way, a yes or a remedy and the answer holds none.

    False for questions of no recognised kind; where several kinds are recognised, one that is met suffices.
    """
    cues = [cue for asks, cue in _COMPILED if asks.search(question)]
    return bool(cues) and not any(cue.search(answer) for cue in cues)
