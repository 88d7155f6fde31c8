"""Words by which people mark what is not for customers, in Chinese (either script) and English.

Where they come from: what GB/T 9704-2012 and templates of companies print on covers and in headers
(内部资料, 仅供内部使用, 不得外传), the labels of classification schemes after ISO/IEC 27002:2022, 5.12
("internal use only", "company confidential"), the Traffic Light Protocol 2.0 of FIRST ("TLP:AMBER" and
"TLP:RED": for named readers or one organisation), and notes to colleagues in sales papers ("do not share
with customers").

One that is missed shows a customer what he should not see, one too many leaves a passage to colleagues: what
is doubtful is on the list. Words that products use of themselves (内部, internal or confidential alone) are
not.
"""

import re
import unicodedata

_LAYOUT = re.compile(
    r"[*_`~|#>\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+"
)  # marks of Markdown, and characters that nobody sees
_SPACE = re.compile(r"[\s\-\u2010-\u2015\u2212/]+")
_BETWEEN_HAN = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_SIMPLIFIED = str.maketrans(
    "僅內資參傳閱機專對發給嚴請戶絕開佈訴轉會團隊權員業與說講別將準顧絕應",
    "仅内资参传阅机专对发给严请户绝开布诉转会团队权员业与说讲别将准顾绝应",
)
_HAN_NOT = "(?:不得|不可|不能|不应|禁止|严禁|请勿|切勿|勿|不要|不准|别)"
_HAN_TOLD = (
    "(?:透露|披露|提及|提到|提起|展示|出示|发送|分享|泄露|提供|公开|承诺|说明?|讲|看到?|知道|告诉|告知|转发|发)"
)
_HAN_OUT = "(?:客户|顾客|客人|外部人员|外部客户|外人|第三方)"
_DO_NOT = r"(?<!we )(?<!they )\b(?:don['’]?t|do not|never|must not|may not|cannot|can not|not to)"
_NOT_BE = r"\b(?:not|never) (?:to )?be"
_TELL = "(?:share|distribute|forward|disclose|send|tell|show|give|reveal|mention|discuss|quote|pass|release)"
_TOLD = (
    "(?:shared|distributed|forwarded|disclosed|sent|told|shown|given|revealed|mentioned|discussed|quoted|passed|"
    "released)"
)
_OUT = "(?:客户|顾客|客人|外部人员|外部客户|外人|第三方)"
_NOT = r"(?:not|never|don['’]t|do not|must not|may not|cannot|can't)"
_TOLD = (
    "(?:be )?(?:shared?|distributed?|forwarded?|disclosed?|sent|send|told|tell|shown?|given?|give|revealed?|"
    "reveal|mention(?:ed)?|discuss(?:ed)?|quoted?|passed|pass|released?)"
)
_OUT = "(?:customers?|clients?|prospects?|outsiders?|external(?:ly)?|third part(?:y|ies)|outside)"
MARKINGS = (
    "仅[供限](?:本|我)?(?:公司|企业|部门|团队|员工|销售)?内部",
    "仅内部(?:使用|可见|查看|参考|传阅|知晓)",
    "[供限](?:公司|企业)?内部(?:使用|参考|传阅|交流|查阅|人员)",
    "内部(?:资料|机密|绝密|秘密|保密|传阅|专用|掌握|底价)",
    f"{_HAN_NOT}(?:擅自|随意|再)?(?:外传|外泄|外发|对外)",
    "不对外(?:公开|披露|提供|发布|宣传|传播|报价|分发)",
    f"{_HAN_NOT}.{{0,6}}[向对给跟和与让被].{{0,4}}{_HAN_OUT}.{{0,4}}{_HAN_TOLD}",
    f"{_HAN_NOT}(?:把.{{0,8}})?(?:告诉|告知|透露给|提供给|展示给|出示给|泄露给|发给|转给|转发给).{{0,4}}{_HAN_OUT}",
    "(?:公司|商业|企业)(?:机密|绝密)",
    r"\binternal (?:use )?only\b|\bfor internal use\b|\binternal eyes only\b",
    r"\bfor internal (?:distribution|circulation|reference|purposes|consumption|eyes|teams?)\b",
    r"\b(?:company|commercial|strictly|highly) confidential\b|\bcommercial in confidence\b",
    r"\bprivate (?:and|&) confidential\b|\bconfidential (?:and|&) proprietary\b",
    r"\bproprietary (?:and|&) confidential\b",
    r"\bnot for (?:external|public|customers?|clients?|outside|further) ?(?:distribution|release|use|eyes|"
    r"circulation|disclosure|sharing|publication)?\b",
    rf"(?:{_DO_NOT} {_TELL}|{_NOT_BE} {_TOLD})\b[^.;!?。]{{0,40}}? (?:with|to|outside|before|by)"
    rf" (?:\w+ ){{0,2}}?{_OUT}\b",
    rf"(?:{_DO_NOT} {_TELL}|{_NOT_BE} {_TOLD}) (?:\w+ ){{0,3}}?(?:externally|outside)\b",
    rf"{_DO_NOT} (?:tell|show|give|send) (?:\w+ )?{_OUT}\b",
    r"\b(?:employees?|staff|colleagues|sales team) only\b",
    r"\btlp ?: ?(?:red|amber)\b",
)
_EACH = tuple(map(re.compile, MARKINGS))  # one by one is three times as fast as all in one
_IN_EVERY = (
    *("内部", "外传", "外泄", "外发", "对外", "客户", "顾客", "客人", "外部", "外人"),
    *("第三方", "机密", "绝密"),
    *("internal", "confidential", "customer", "client", "prospect", "outside", "external", "third part"),
    *("public", "further", "employee", "staff", "colleagues", "sales team", "tlp", "in confidence"),
)
"""Every marking holds one of these: a text without any need not be searched."""


def is_marked(text: str) -> bool:
    """Whether a text carries a marking, whatever its case, script, width, layout and invisible characters."""
    plain = _plain(text)
    return any(each in plain for each in _IN_EVERY) and any(each.search(plain) for each in _EACH)


def _plain(text: str) -> str:
    """The text in one case, script and width, with one space for what parts words and none inside Chinese."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SIMPLIFIED)
    return _BETWEEN_HAN.sub("", _SPACE.sub(" ", _LAYOUT.sub("", folded)))
