"""What the starter models see between a question and a passage: the inputs of ``StarterReranker``."""

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rerank.lexical_features import Wanted
from rerank.question_kind import kind_missed
from retrieval.analysis import detect_language, terms
from retrieval.concepts import concepts
from retrieval.protocols import SoftStatistics, Vectors
from retrieval.sentences import sentence_spans
from retrieval.soft import SoftQuestion
from retrieval.starter_table import StarterTable
from retrieval.types import Language

NAMES = (
    "all",
    "sentence",
    "window",
    "context",
    "exact_sentence",
    "exact_all",
    "frequency",
    "missed",
    "missed_identifier",
    "amount",
    "direction",
    "direction_sentence",
    "near",
    "kind_missed",
    "foreign",
    "names_new",
    "numbers_new",
    "length",
    "squared_sentence",
    "squared_all",
)
_SPAN = 24  # tokens of a stretch, overlapping ones included: some 8 to 12 Chinese characters or 24 words
_SATURATION, _LENGTH_SHARE, _USUAL = 1.2, 0.75, 250.0
_IDENTIFIER = re.compile(r"\d")
_NAME = re.compile(
    r"(?<=[a-z0-9,;:)\]”\"'] )[A-Z][\w.-]+|(?<=[\u3400-\u9fff])[A-Z][\w.-]+|[·][\u3400-\u9fff]+|《[^》]+》"
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*|[一二两三四五六七八九十百千万]+(?=[年月日个名人次元种位岁])")
_KNOWN = 0.6

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SoftWanted:
    """A question made ready: one row a token (starter tokens first, then terms met to the letter).

    ``worths``: float32 (tokens, vocabulary), what meeting each token of a passage is worth. ``weights``:
    float32 (rows,), above 0. ``direction``: float32 (dim,). ``credits``: concepts of the glossary, the rows
    they speak for, and how far (what no training text knows: that SSO is 单点登录).
    """

    text: str
    tokens: tuple[int, ...]
    exact: tuple[str, ...]
    worths: Floats
    weights: Floats
    identifiers: npt.NDArray[np.bool_]
    direction: Vectors
    names: frozenset[str]
    language: Language
    counted: Wanted
    credits: tuple[tuple[str, npt.NDArray[np.int64], float], ...]

    @classmethod
    def of(cls, text: str, table: StarterTable, statistics: SoftStatistics | None) -> "SoftWanted":
        """From a question."""
        question = SoftQuestion.of(text, table)
        tokens = tuple(token for token, _ in question.tokens)
        relatives = table.all_relatives(tokens)
        worths = np.zeros((len(tokens), len(table.tokens.vocabulary)), dtype=np.float32)
        for row, each in zip(worths, relatives, strict=True):
            row[each.ids] = each.worths
        weights = [weight for _, weight in question.tokens] + [1.0] * len(question.exact)
        rarity = _rarity(question, table, statistics)
        counted = Wanted.of(text, statistics)
        units = [table.tokens.vocabulary[token] for token in tokens] + list(question.exact)
        return cls(
            text,
            tokens,
            question.exact,
            worths,
            np.array([w * r for w, r in zip(weights, rarity, strict=True)], dtype=np.float32),
            np.array([bool(_IDENTIFIER.search(unit)) for unit in units], dtype=bool),
            table.sum(list(tokens)),
            frozenset(_NAME.findall(text)) | frozenset(_NUMBER.findall(text)),
            detect_language(text),
            counted,
            tuple(
                (concept, np.array([row for row, unit in enumerate(units) if unit in words]), value)
                for concept, words, value in counted.credits
                if words.intersection(units)
            ),
        )


@dataclass(frozen=True, slots=True)
class SoftRead:
    """A passage made ready: its starter tokens in order, where each sentence begins, terms a sentence.

    The first ``context`` sentences are the context line.
    """

    text: str
    sentences: tuple[str, ...]
    tokens: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    context: int
    language: Language

    @classmethod
    def of(cls, passage: str, table: StarterTable) -> "SoftRead":
        """From ``contextual_text``: the first of several lines is context, a single line context and body."""
        first_end = passage.find("\n")
        spans = [(start, end, table.tokens.ids(passage[start:end])) for start, end in sentence_spans(passage)]
        spans = [each for each in spans if each[2]]
        sentences = tuple(passage[start:end] for start, end, _ in spans)
        lengths = [len(ids) for _, _, ids in spans]
        context = sum(start < first_end for start, _, _ in spans)
        context = context if context < len(spans) else 0
        return cls(
            passage,
            sentences,
            np.array([number for _, _, ids in spans for number in ids], dtype=np.int64),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            context,
            detect_language(" ".join(sentences[context:])),
        )


def features(wanted: SoftWanted, read: SoftRead, table: StarterTable) -> tuple[float, ...]:
    """The values of ``NAMES`` for one passage; zeros where there is nothing to compare."""
    total = float(wanted.weights.sum())
    if not total or not read.sentences:
        return (0.0,) * len(NAMES)
    share = wanted.weights / total
    met = wanted.worths[:, read.tokens]  # (tokens, length)
    count = len(read.sentences)
    by_sentence = np.zeros((len(wanted.weights), count), dtype=np.float32)
    by_sentence[: len(met)] = np.maximum.reduceat(met, read.starts[:-1], axis=1) if len(met) else 0
    if wanted.exact:
        for column, sentence in enumerate(read.sentences):
            held = set(terms(sentence))
            by_sentence[len(met) :, column] = [term in held for term in wanted.exact]
    foreign = read.language != wanted.language
    exact = by_sentence if foreign else by_sentence >= 0.999  # no other language is met to the letter
    if wanted.credits:
        for column, sentence in enumerate(read.sentences):
            spoken = concepts(sentence)
            for concept, rows, value in wanted.credits:
                if concept in spoken:
                    by_sentence[rows, column] = np.maximum(by_sentence[rows, column], value)
    body = by_sentence[:, read.context :]
    whole = by_sentence.max(axis=1)
    heading = by_sentence[:, : read.context].max(axis=1) if read.context else whole
    in_sentence = share @ body
    best = int(in_sentence.argmax())
    pairs = np.maximum(body[:, :-1], body[:, 1:]) if body.shape[1] > 1 else body
    windows = np.maximum(pairs, heading[:, None]) if read.context else pairs
    answer = " ".join(read.sentences[read.context + best : read.context + best + 2])
    begin, end = read.starts[read.context + best], read.starts[min(count, read.context + best + 2)]
    coverage = float(share @ whole)
    first = read.starts[read.context]
    identifiers = (1 - whole)[wanted.identifiers]
    new_names = set(_NAME.findall(answer)) - wanted.names
    new_numbers = set(_NUMBER.findall(answer)) - wanted.names
    return (
        coverage,
        float(in_sentence.max()),
        float((share @ windows).max()),
        float(share @ heading),
        float((share @ exact[:, read.context :]).max()),
        float(share @ exact.max(axis=1)),
        _frequency(share, met, len(read.tokens), whole),
        float((share * (1 - whole)).max() / share.max()),
        float(identifiers.max()) if identifiers.size else 0.0,
        1 - math.exp(-total * coverage / 3),
        _cosine(wanted.direction, table.sum(read.tokens.tolist())),
        _cosine(wanted.direction, table.sum(read.tokens[begin:end].tolist())),
        _near(share[: len(met)], met[:, first:]),
        float(kind_missed(wanted.text, answer)),
        float(foreign),
        min(1.0, len(new_names) / 3),
        min(1.0, len(new_numbers) / 3),
        min(1.0, math.log1p(len(read.tokens)) / 8),
        float(in_sentence.max()) ** 2,
        coverage**2,
    )


def _cosine(one: Vectors, other: Vectors) -> float:
    """Of two directions, 0 where they are opposed."""
    return min(1.0, max(0.0, float(one @ other)))


def _frequency(share: Floats, met: Floats, length: int, whole: Floats) -> float:
    """BM25's saturated frequencies as a share of their limit; a relative counts as what it is worth."""
    norm = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length / _USUAL)
    often = whole.copy()
    often[: len(met)] = np.maximum(whole[: len(met)], np.where(met >= 0.3, met, 0).sum(axis=1))
    return float(share @ (often / (often + norm)))


def _near(share: Floats, met: Floats) -> float:
    """The best coverage by a short stretch of the text, stretches overlapping by half."""
    length = met.shape[1]
    if not length or not len(met):
        return 0.0
    starts = np.arange(0, length, _SPAN // 2)
    halves = np.maximum.reduceat(met, starts, axis=1)
    stretches = np.maximum(halves[:, :-1], halves[:, 1:]) if halves.shape[1] > 1 else halves
    return float((share @ stretches).max())


def _rarity(
    question: SoftQuestion, table: StarterTable, statistics: SoftStatistics | None
) -> list[float]:
    """How rare each token and term is, 0..1: BM25's idf over that of a term in one single chunk.

    A token counts as often as its commonest relative by worth times frequency (one that the index does not
    hold is known by its translations); what the index does not know at all weighs one half.
    """
    rows = len(question.tokens) + len(question.exact)
    if statistics is None:
        return [_KNOWN] * rows
    relatives = table.all_relatives([token for token, _ in question.tokens])
    wanted = [number for each in relatives for number in each.ids[:16].tolist()]
    count, found = statistics.token_frequencies(wanted)
    _, exact = statistics.document_frequencies(question.exact)
    if count < 2:
        return [_KNOWN] * rows
    frequencies, begin = [], 0
    for each in relatives:
        worths = each.worths[:16].tolist()
        own = found[begin : begin + len(worths)]
        begin += len(worths)
        frequencies.append(max(f * worth for f, worth in zip(own, worths, strict=True)))
    frequencies += [float(exact[term]) for term in question.exact]
    most = math.log(1 + (count - 0.5) / 1.5)
    return [
        max(0.02, min(1.0, math.log(1 + max(0.0, count - f + 0.5) / (f + 0.5)) / most)) if f else 0.5
        for f in frequencies
    ]
