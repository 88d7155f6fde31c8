"""Completions for a vague question, drawn from the headings of what the person may search."""

import re

from app.storage.chunks import Chunks
from ingest.suspicious import find
from retrieval.types import Language, Query

SHOWN = 4
SCANNED = 400  # sections looked at; enough for variety, bounded for large collections
_PROCEDURE: dict[Language, re.Pattern[str]] = {
    "zh": re.compile("步骤|流程|申请|配置|处理|如何|怎么|排查|设置|操作|报销|指南"),
    "en": re.compile(
        r"\b(how|steps?|set ?up|configur\w+|install\w*|troubleshoot\w*|request|procedure|guide)\b", re.I
    ),
}
_NUMBERING = re.compile(
    r"^\s*(第[一二三四五六七八九十百\d]+[章节部分]|[\d.]+|[一二三四五六七八九十]+、|Q\d+[：:.]?)\s*"
)


def suggest(query: Query, chunks: Chunks) -> tuple[str, ...]:
    """Up to four ways to complete the question, from different documents; procedures first.

    Headings that speak to a model are no suggestions.
    """
    pattern = _PROCEDURE[query.language]
    by_document: dict[str, str] = {}
    for title, heading in chunks.headings(query.scope, limit=SCANNED):
        if heading in title or title in heading or find(heading, part=True):
            continue
        best = by_document.get(title)
        if best is None or (pattern.search(heading) and not pattern.search(best)):
            by_document[title] = heading
    ordered = sorted(
        by_document.items(),
        key=lambda pair: (
            not pattern.search(pair[1]),
            _is_chinese(pair[1]) != (query.language == "zh"),
            pair,
        ),
    )
    asked = query.asked.strip()
    return tuple(
        _complete(_NUMBERING.sub("", heading), asked, query.language) for _, heading in ordered[:SHOWN]
    )


def _complete(heading: str, asked: str, language: Language) -> str:
    return f"关于「{heading}」：{asked}" if language == "zh" else f"About “{heading}”: {asked}"


def _is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None
