"""Understanding: what a person typed becomes a Query."""

import re
import unicodedata

from retrieval.analysis import content_terms, content_words, detect_language
from retrieval.framing import unframed
from retrieval.stemming import stem
from retrieval.types import Query, Scope

_SPACE = re.compile(r"\s+")
_LETTERS = re.compile(r"[^\W\d_]")
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)
# Content words that fit any subject.
_GENERIC_ENGLISH = """
work help thing problem issue question something anything everything happen wrong fix solve fail failed
failure error use go try ok okay yes more else make mean detail step procedure method reason way
"""
_GENERIC_CHINESE = """
问题 东西 事情 情况 处理 解决 操作 使用 步骤 流程 方法 方式 原因 内容 细节 详细 具体 相关 继续 然后 还有
报错 错误 出错 失败 没有 没用 没法 不行 不会 不懂 不对 不好 不了 不能 不
没 弄 做 办 搞 用 说 看 写 填 错 好 行 会 有 是 在 要 能 就 都 也 还 再 又 和 把 被 给 到 上 下 里 出 来
去 很 太 点 个 次 种 件 事
"""
_ENGLISH = frozenset(stem(word) for word in _GENERIC_ENGLISH.split())
_CHINESE = re.compile("|".join(sorted(_GENERIC_CHINESE.split(), key=lambda word: (-len(word), word))))


def understand(asked: str, scope: Scope, completed: str = "") -> Query:
    """Clean the question, find its language and content terms, and say whether it is vague.

    ``text`` is the question in NFC without control and invisible characters, white space runs as one
    space. ``terms`` are its content terms in reading order, each once. It is vague where nothing is left,
    or only words that fit any subject (怎么弄？ 这个失败了怎么办 "how does it work?"). ``completed``: the
    question with what the conversation adds (``follow_up``), searched in its place; the language stays that
    of what was asked. Of a customer's question that is passed on (``framing``) the words around it are not
    searched, unless nothing else is there. No variants: one search meets both languages, through the token
    table or a multilingual embedder, and what is written another way (traditional, full-width) is folded in
    analysis.
    """
    whole = _clean(completed or asked)
    inner = unframed(whole)
    framed = inner != whole and not is_vague(inner)
    text = inner if framed else whole
    return Query(
        asked=asked,
        text=text,
        scope=scope,
        language=detect_language(_clean(asked) if _LETTERS.search(asked) else text),
        terms=tuple(dict.fromkeys(content_terms(text))),
        vague=is_vague(text),
        framed=framed,
    )


def is_vague(question: str) -> bool:
    """Whether no word of a question says what it is about."""
    return not any(_has_subject(word) for word in content_words(question))


def _clean(text: str) -> str:
    return _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()


def _has_subject(word: str) -> bool:
    return stem(word.casefold()) not in _ENGLISH and _CHINESE.sub("", word) != ""
