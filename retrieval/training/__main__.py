"""``python -m retrieval.training TRAIN_FOLDER``: make the starter models anew."""

import argparse
import logging
import sys
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.training.make import make
from retrieval.training.words import JiebaLexicon

STARTER = Path(__file__).resolve().parents[2] / "data" / "starter"


def main() -> int:
    """Read the command line, train, and say on stderr how it goes; 1 when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training", description=__doc__)
    parser.add_argument("train", type=Path, help="folder of training text: parallel, words, heading_passage")
    parser.add_argument("--extra", type=Path, default=STARTER / "sources", help="further words and pairs")
    parser.add_argument("--out", type=Path, default=STARTER, help="where the table and the vocabulary go")
    parser.add_argument("--steps", type=int, default=2600, help="batches to learn from")
    parser.add_argument("--seed", type=int, default=0, help="start of all chance")
    chosen = parser.parse_args()
    if chosen.steps < 1:
        parser.error(f"--steps {chosen.steps} trains nothing; give 1 or more")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        make(
            chosen.train,
            chosen.extra,
            chosen.out,
            lexicon=JiebaLexicon(),
            steps=chosen.steps,
            seed=chosen.seed,
        )
    except RetrievalError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
