"""What a question expects for an answer, told by its words."""

import re
from enum import Enum

from generation.spans import sentences


class Kind(Enum):
    """The kinds of answers that can be told apart on sight."""

    DURATION = "duration"
    QUANTITY = "quantity"
    TIME = "time"
    STEPS = "steps"
    REASON = "reason"
    VERDICT = "verdict"
    DEFINITION = "definition"
    CODE = "code"
    PERSON = "person"
    LISTING = "listing"
    REMEDY = "remedy"
    EXTREME = "extreme"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_ASKED = {
    Kind.DURATION: _any(
        "多久|多长时间|时限|多少[天日年月周小时分秒]|几[天日年个月周小时分秒]", "how (?:long|often|soon)"
    ),
    Kind.QUANTITY: _any(
        "多少|几[个条次种台核项位人名]|多[大高宽重]|最[多少大小高低]|上限|下限",
        r"how (?:many|much|big|large|fast)|\b(?:maximum|minimum|limit)\b",
    ),
    Kind.TIME: _any(
        "什么时候|何时|哪一?[年天月日]|几[号点月]|日期", r"\bwhen\b|what (?:date|year|day|time)"
    ),
    Kind.STEPS: _any(
        "怎么(?!样|回事|[写填说])|如何|怎样|步骤|流程|排查|咋|方法",
        r"how (?:do|to|can|should|would)|\bsteps?\b|procedure|process",
    ),
    Kind.REASON: _any("为什么|为何|为啥|原因", r"\bwhy\b|\breason\b|\bcause"),
    Kind.VERDICT: _any(
        r"能不能|能否|可不可以|是否|是不是|会不会|要不要|需不需要|有没有|吗\s*[？?]?$",
        r"^(?:can|could|is|are|was|were|do|does|did|will|may|must|should|has|have)\b",
    ),
    Kind.DEFINITION: _any(
        "是什么|什么是|是指|代表什么|什么意思|定义|含义",
        "what (?:is|are)(?! the (?:maximum|minimum|port|url|default))",
        r"what does .* (?:mean|stand for)|\bdefin",
    ),
    Kind.CODE: _any(
        "命令|代码|表达式|脚本|参数名?|配置项?|属性|环境变量|接口|网址|地址|填什么|怎么[写填]",
        "修改|更改|设置|开启|关闭|启用",
        r"\b(?:command|code|curl|url|endpoint|property|expression|parameter|table|variable|option)\b",
        r"\b(?:configur\w*|enable|disable|turns? o(?:n|ff)|change|set(?:ting)?)\b",
    ),
    Kind.PERSON: _any("谁|哪位|负责人|联系人|找哪个部门", r"\bwho(?:m|se)?\b"),
    Kind.LISTING: _any(
        "哪些|哪几|有什么|分别|区别|不同|差别|列出|都有|情形|种类|类型",
        r"\b(?:which|what) (?:\w+ )?(?:are|types|kinds|options)\b|\blist\b|\bdifferen",
    ),
    Kind.REMEDY: _any(
        "怎么(?:办|处理|解决|应对|修)|如何(?:处理|解决|应对)|(?:处理|解决)(?:办法|方法|方案)|排查|先做什么|咋办",
        r"\b(?:fix(?:es)?|resolve|solution|workaround|remedy|mitigat\w*)\b",
        r"what (?:should|do|can|must) .{1,40}\bdo\b",
    ),
    Kind.EXTREME: _any(
        "最[高低大小多少长短贵便早晚快慢新旧]",
        r"\b(?:(?:high|low|larg|small|bigg|long|short|cheap|fast|slow|new|old|earli|lat)est|most|least)\b",
    ),
}
_HEADED = {
    Kind.REMEDY: _any(
        "处理|解决|修复|应对|对策|办法|措施|排查",
        r"\b(?:fix(?:es)?|resolution|resolve|solutions?|workarounds?|remed\w+|mitigation)\b|troubleshoot",
    ),
    Kind.REASON: _any("原因|为什么|为何", r"\b(?:causes?|reasons?|why)\b"),
    Kind.STEPS: _any("步骤|流程|方法|操作|如何|怎么", r"\b(?:steps|procedure|process|how to)\b"),
    Kind.DURATION: _any("时限|期限|时间", r"\b(?:deadlines?|time limits?|duration)\b"),
}

_COMPARED = re.compile(
    r"(?P<a>[^，。？?]{1,20}?)(?:和|与|跟|同)(?P<b>[^，。？?]{1,20}?)(?:[两这]\S{1,4})?(?:之间)?"
    r"(?:有(?:什么|何|啥|哪些))?的?(?:区别|不同|差别|差异)"
    r"|differences? between (?P<c>.{1,40}?) and (?P<d>.{1,40}?)[?.]?$",
    re.I,
)
_ACTOR = re.compile(r"\bwhat (?:should|do|can|must) (.{1,40}?) do\b", re.I)
_ASKS = re.compile(r"[?？]['\"”’」』)）]*$")

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|thirty"

_MET = {
    Kind.DURATION: _any(
        rf"(?:\d|[一二两三四五六七八九十半百]|\b(?:{_NUMBER_WORDS})\b)\s*个?\s*"
        "(?:工作日|自然日|年|月|周|星期|天|日|小时|钟头|分钟|分|秒|毫秒"
        r"|m?s\b|m\b|min|h\b|hours?|days?|weeks?|months?|years?|seconds?|business|working)"
    ),
    Kind.QUANTITY: _any(
        r"\d|[一二两三四五六七八九十百千万][个条次种台核项位人名倍元]", rf"\b(?:{_NUMBER_WORDS})\b"
    ),
    Kind.TIME: _any(
        r"\d+\s*[年月日号点时]|\d{1,2}:\d{2}|\d{4}-\d{1,2}|每[天日周月年]",
        rf"\b(?:{_MONTHS})\b|\b(?:19|20)\d\d\b",
    ),
    Kind.STEPS: _any(
        "请|可以|需要|通过|点击|进入|打开|选择|设置|执行|运行|更改|修改|首先|先",
        r"\b(?:run|click|open|set|use|select|configure|create|change|go to|first|need to|can)\b",
    ),
    Kind.REASON: _any(
        "因为|由于|因此|所以|原因|导致|以免|避免",
        r"\b(?:because|since|due to|therefore|so that|caused?|reason)\b",
    ),
    Kind.VERDICT: _any(
        "不|没有|无法|禁止|仅|只[能支有]|可以|支持|允许|需要|必须|应当",
        r"\b(?:not|never|only|cannot|can|may|must|no|yes|supports?|allow(?:s|ed)?|require[sd]?)\b",
    ),
    Kind.DEFINITION: _any(
        "是指|指的是|是一[个种项款]|称为|叫做|表示|全称|即|：|: ",
        r"\b(?:is an?|are|means?|refers? to|stands for|defined as)\b",
    ),
    Kind.CODE: _any(r"`[^`]+`|\$[{\[(]|https?://|[A-Za-z]\w*(?:[._]\w+)+|=|\w\(\)"),
    Kind.PERSON: _any(
        "经理|总监|主管|专员|部门?|负责|管理员|先生|女士",
        r"\b(?:manager|director|team|officer|administrators?|department|owner|lead)\b",
    ),
}


def expected_kinds(question: str) -> frozenset[Kind]:
    """The kinds of answers a question (zh or en) asks for; several are possible, none too."""
    asked = question.strip()
    return frozenset(kind for kind, pattern in _ASKED.items() if pattern.search(asked))


def meets(kind: Kind, text: str) -> bool:
    """Whether a text holds what this kind of question wants (a number, a reason, a command)."""
    pattern = _MET.get(kind)
    return bool(pattern and pattern.search(text))


def headed(kind: Kind, heading: str) -> bool:
    """Whether a heading or label announces what this kind of question wants ("Verified fix", 原因)."""
    pattern = _HEADED.get(kind)
    return bool(pattern and pattern.search(heading))


def sub_questions(question: str) -> list[str]:
    """The questions inside a question: its sentences that ask something, or the whole where none says so.

    Sentences before them that only tell the situation are not among them.
    """
    lines = [part.strip() for part in re.split(r"[;；\n]", question)]
    parts = [line[start:end] for line in lines for start, end in sentences(line)]
    parts = [part for part in parts if len(part) > 3]
    asking = [part for part in parts if _ASKS.search(part) or (part == parts[-1] and expected_kinds(part))]
    return asking or (parts if len(parts) > 1 and len(parts) == len(lines) else [question])


def situation(question: str) -> str:
    """What a question tells before it asks: all of it outside ``sub_questions``."""
    for part in sub_questions(question):
        question = question.replace(part, " ")
    return question


def without_actor(question: str) -> str:
    """The question without who is to act ("What should the engineer do"), which says nothing of what."""
    return _ACTOR.sub(lambda match: match[0].replace(match[1], " "), question)


def compared(question: str) -> tuple[str, ...]:
    """The two things whose difference is asked for, or nothing."""
    match = _COMPARED.search(question)
    return tuple(name.strip(" “”\"") for name in match.groups() if name) if match else ()
