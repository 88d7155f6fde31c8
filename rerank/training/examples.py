"""Candidates for labelled questions, with their features: what the weights are fitted to."""

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rerank.soft_features import SoftRead, SoftWanted, features
from rerank.training.labelled import Labelled
from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.starter_table import StarterTable
from retrieval.types import Scope

CANDIDATES = 30
"""What the product hands to a reranker by default."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question: ``values`` (candidates, features), ``relevant`` (candidates,); best of recall first."""

    group: str
    values: npt.NDArray[np.float32]
    relevant: npt.NDArray[np.bool_]
    answerable: bool


def examples(labelled: Labelled, table: StarterTable) -> list[Example]:
    """The candidates of soft term matching for each question; questions without candidates are left out."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    index = InvertedIndex(lambda: connection, table=table)
    index.add(labelled.chunks)
    texts = {chunk.id: chunk.contextual_text for chunk in labelled.chunks}
    read: dict[str, SoftRead] = {}
    found = []
    for question in labelled.questions:
        wanted = SoftWanted.of(question.text, table, index)
        names = [hit.chunk_id for hit in index.search(question.text, CANDIDATES, Scope(frozenset({"set"})))]
        for name in names:
            if name not in read:
                read[name] = SoftRead.of(texts[name], table)
        if names:
            found.append(
                Example(
                    labelled.name,
                    np.array([features(wanted, read[name], table) for name in names], dtype=np.float32),
                    np.array([name in question.relevant for name in names], dtype=bool),
                    bool(question.relevant),
                )
            )
    connection.close()
    return found
