"""Draw the small sets of this folder from the development sets: `python make_sets.py FOLDER_OF_SETS`.

Questions are drawn by SHA-256 of their ids, so the same every time; corpora hold the documents that are
judged or named as near misses, filled up with others of the same set.
"""

import json
import shutil
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent


def main(sets: Path) -> None:
    draw_zh(sets)
    draw_en(sets)
    draw_cross(sets)
    draw_docs(sets)


def draw_zh(sets: Path) -> None:
    """CMRC: plain questions with noisy forms, and others about paragraphs that are withheld."""
    gains = judgements(sets / "zh_cmrc")
    plain = drawn(rows(sets / "zh_cmrc" / "queries.jsonl"), 24)
    absent = drawn([r for r in rows(sets / "refusal_zh" / "queries.jsonl") if not r["answerable"]], 24)
    asked = [{**row, "answerable": True} for row in plain] + absent
    ids = {row["_id"] for row in plain}
    noisy = [row for row in rows(sets / "zh_cmrc" / "queries_noisy.jsonl") if row["of"] in ids]
    noisy = [row for row in noisy if row["kind"] != "keywords"]  # as easy as the plain ones
    write("zh", rows(sets / "zh_cmrc" / "corpus.jsonl"), asked, gains, most=44)
    dump(HERE / "zh" / "queries_noisy.jsonl", noisy)


def draw_en(sets: Path) -> None:
    """SQuAD 2.0: all of two articles; answerable questions, and others that a paragraph nearly answers."""
    gains, queries = judgements(sets / "refusal_en"), rows(sets / "refusal_en" / "queries.jsonl")
    corpus = rows(sets / "refusal_en" / "corpus.jsonl")
    titles = {row["_id"]: row["title"] for row in corpus}

    def title(row: dict) -> str:
        return titles[row.get("near_miss") or next(iter(gains[row["_id"]]))]

    articles = [title(row) for row in queries]
    kept = sorted(set(articles), key=lambda each: (-articles.count(each), each))[:2]
    asked = [row for row in queries if title(row) in kept]
    asked = drawn([row for row in asked if row["answerable"]], 24) + drawn(
        [row for row in asked if not row["answerable"]], 24
    )
    corpus = [row for row in corpus if row["title"] in kept]
    write("en", corpus, asked, gains, most=len(corpus))


def draw_cross(sets: Path) -> None:
    """XQuAD: questions over paragraphs in the other language, both ways in one knowledge base.

    No paragraph is there in both languages: the one in the question's own would answer it, too.
    """
    corpus, asked, gains = {}, [], {}
    taken: set[str] = set()  # questions, whatever their language, about paragraphs that are in
    for name, kind in (("xling_zh2en", "zh→en"), ("xling_en2zh", "en→zh")):
        judged = judgements(sets / name)
        queries = rows(sets / name / "queries.jsonl")
        part = drawn([row for row in queries if row["_id"].rsplit("-", 1)[0] not in taken], 24)
        about = {document for row in part for document in judged[row["_id"]]}
        taken |= {query.rsplit("-", 1)[0] for query in judged if about & set(judged[query])}
        wanted = {document for row in part for document in judged[row["_id"]]}
        asked += [{**row, "type": kind} for row in part]
        gains |= judged
        corpus |= {row["_id"]: row for row in rows(sets / name / "corpus.jsonl") if row["_id"] in wanted}
    write("cross", list(corpus.values()), asked, gains, most=len(corpus))


def draw_docs(sets: Path) -> None:
    """Apache DolphinScheduler: files with evidence by quote, those with the most questions for their size."""
    source, target = sets / "docs_ds", HERE / "docs"
    queries = rows(source / "queries.jsonl")
    files = [source / "files" / row["evidence"][0]["file"] for row in queries if row["evidence"]]
    chosen: list[str] = []
    size = 0
    for path in sorted(set(files), key=lambda path: (-files.count(path) / path.stat().st_size, path)):
        if size + path.stat().st_size <= 36_000:
            chosen.append(path.relative_to(source / "files").as_posix())
            size += path.stat().st_size
    kept = [row for row in queries if all(each["file"] in chosen for each in row["evidence"])]
    shutil.rmtree(target, ignore_errors=True)
    for name in chosen:
        (target / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "files" / name, target / "files" / name)
    dump(target / "queries.jsonl", kept)


def write(name: str, corpus: list[dict], asked: list[dict], gains: dict[str, dict], most: int) -> None:
    """A set of the drawn questions, with a corpus that holds what they need."""
    shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / name).mkdir()
    needed = {document for row in asked for document in gains.get(row["_id"], {})}
    needed |= {row["near_miss"] for row in asked if row.get("near_miss")}
    others = drawn([row for row in corpus if row["_id"] not in needed], max(0, most - len(needed)))
    kept = needed | {row["_id"] for row in others}
    dump(HERE / name / "corpus.jsonl", [row for row in corpus if row["_id"] in kept])
    dump(HERE / name / "queries.jsonl", asked)
    lines = [
        f"{row['_id']}\t{document}\t{gain}\n"
        for row in asked
        for document, gain in gains.get(row["_id"], {}).items()
    ]
    (HERE / name / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")


def drawn(found: list[dict], count: int) -> list[dict]:
    return sorted(found, key=lambda row: sha256(row["_id"].encode()).digest())[:count]


def judgements(folder: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, gain = line.split("\t")
        found.setdefault(query, {})[document] = gain
    return found


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def dump(path: Path, found: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
