"""Builds this folder's set from the demo documents: run with the project's Python from the checkout.

For each demo question its first ten candidates of the starter profile's hybrid recall. A candidate is labelled
relevant when it stands in the first expected document and holds one of the strings a right answer must include.
"""

import json
import tempfile
from pathlib import Path

from app.services import Services
from app.settings import load_settings, shipped
from app.wiring import build_models
from ingest.load import find_files

HERE = Path(__file__).parent
PER_QUERY = 10


def main() -> None:
    examples = json.loads((shipped("demo") / "examples.json").read_text(encoding="utf-8"))
    corpus, queries, qrels, candidates = {}, [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        settings = load_settings(None).model_copy(update={"data_dir": Path(scratch), "profile": "starter"})
        with Services(settings, build_models=build_models) as services:
            services.load()
            services.ingest(list(find_files([shipped("demo") / "documents"]).files), "golden")
            for example in examples:
                answered = services.answer(services.ask(example["question"], collection="golden"))
                found = sorted(answered.candidates, key=lambda each: each.candidate.rank)[:PER_QUERY]
                queries.append({"_id": example["id"], "text": example["question"]})
                for each in found:
                    chunk = each.candidate.chunk
                    name = f"{chunk.document}#{chunk.ordinal}"
                    corpus[name] = {"_id": name, "title": chunk.context, "text": chunk.text}
                    candidates.append(f"{example['id']}\t{name}")
                    wanted = [s for choice in example["must_include"] for s in choice.split("|")]
                    right = example["expected_documents"][:1] == [chunk.document]
                    if right and any(s.lower() in chunk.text.lower() for s in wanted):
                        qrels.append(f"{example['id']}\t{name}\t1")
    write("corpus.jsonl", [json.dumps(corpus[name], ensure_ascii=False) for name in sorted(corpus)])
    write("queries.jsonl", [json.dumps(query, ensure_ascii=False) for query in queries])
    write("qrels.tsv", ["query-id\tcorpus-id\tscore", *qrels])
    write("candidates.tsv", ["query-id\tcorpus-id", *candidates])


def write(name: str, lines: list[str]) -> None:
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
