"""A small made language pair: training text whose translations are known."""

import gzip
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

PLANTED = {
    "invoice": "发票",
    "holiday": "假期",
    "server": "服务器",
    "contract": "合同",
    "password": "密码",
    "office": "办公室",
    "train": "火车",
    "doctor": "医生",
    "river": "河流",
    "music": "音乐",
    "garden": "花园",
    "market": "市场",
}
"""English words (each its own stem) and the Chinese ones they stand for."""


class MadeLexicon:
    """Cuts Chinese into the planted words and single characters."""

    def words(self, run: str) -> Iterable[str]:
        return [word for word in PLANTED.values() for _ in range(run.count(word))] + list(run)

    def frequency(self, word: str) -> int:
        return 1000 if word in PLANTED.values() else 10 if len(word) == 1 else 0


def write_rows(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_corpus(folder: Path) -> tuple[Path, Path]:
    """Some 300 pairs in the files that training reads: (train, extra)."""
    chance = random.Random(7)  # noqa: S311 - no secret
    said = [chance.sample(list(PLANTED.items()), 3) for _ in range(200)]
    sentences = [
        {"en": " ".join(english for english, _ in words), "zh": "，".join(chinese for _, chinese in words)}
        for words in said
    ]
    train, extra = folder / "train", folder / "extra"
    write_rows(
        train / "parallel.jsonl.gz",
        ({**row, "src": ("tatoeba", "pydocs", "vue")[at % 3]} for at, row in enumerate(sentences[:150])),
    )
    write_rows(extra / "pairs.jsonl.gz", ({**row, "src": "tico-19"} for row in sentences[150:]))
    entries = [{"en": english, "zh": chinese} for english, chinese in PLANTED.items()]
    write_rows(train / "words.jsonl.gz", ({**row, "src": "hsk"} for row in entries[:6]))
    sources = ("cedict", "cow", "geonames")
    write_rows(
        extra / "words.jsonl.gz",
        ({**row, "src": sources[at % 3]} for at, row in enumerate(entries[3:])),
    )
    write_rows(
        train / "heading_passage.jsonl.gz",
        (
            {"lang": language, "a": row[language].split(mark)[0], "b": row[language], "src": "made"}
            for row in sentences[:40]
            for language, mark in (("zh", "，"), ("en", " "))
        ),
    )
    return train, extra
