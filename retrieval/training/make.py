"""From training text to the files of the starter models."""

import logging
import time
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.training import export, groups, sources, translations, vocabulary
from retrieval.training.vectors import Progress, Trainer
from retrieval.training.words import Lexicon

UNFINISHED = "unfinished"
"""Folder inside the result that holds the table as it was some steps ago, while training runs."""
_KEPT_EVERY, _TOLD_EVERY = 500, 100

_log = logging.getLogger(__name__)


def make(train: Path, extra: Path | None, out: Path, *, lexicon: Lexicon, steps: int, seed: int) -> None:
    """Make the files of ``out`` anew.

    Equal input, steps, seed, libraries, processor and number of threads give equal bytes; elsewhere sums of
    floating point numbers round otherwise and vectors differ in their last digits. While training runs, a
    usable table is kept in ``out/unfinished`` every 500 steps. Raises ``RetrievalError``.
    """
    began = time.monotonic()
    pairs = sources.read(train, extra)
    if not pairs:
        raise RetrievalError(f"no pairs of texts in {train}; training text is needed")
    tokens = vocabulary.tokenizer(vocabulary.choose(pairs, lexicon), lexicon)
    size = len(tokens.vocabulary)
    _log.info("%d pairs, %d tokens after %.0f s", len(pairs), size, time.monotonic() - began)
    corpus = groups.encode(pairs, tokens)
    _log.info(
        "%d texts shortened, %d pairs left out for want of a known token; %s after %.0f s",
        corpus.shortened,
        corpus.left_out,
        {group: len(each) for group, each in corpus.groups.items()},
        time.monotonic() - began,
    )
    found = translations.align(corpus, size)
    _log.info("%d translations after %.0f s", len(found.english), time.monotonic() - began)
    trainer = Trainer(corpus, size, steps=steps, seed=seed)

    def report(progress: Progress) -> None:
        losses = ", ".join(f"{group} {loss:.3f}" for group, loss in progress.losses.items())
        _log.info(
            "step %d after %.0f s: %s; scale %.1f",
            progress.step,
            time.monotonic() - began,
            losses,
            progress.scale,
        )
        if progress.step % _KEPT_EVERY == 0:
            export.write(out / UNFINISHED, tokens, trainer.vectors, found)

    trainer.run(every=_TOLD_EVERY, report=report)
    export.write(out, tokens, trainer.vectors, found)
    _remove(out / UNFINISHED)
    _log.info("%s is made", out)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
