"""Chosen passages are completed by the rest of their section, within a budget of tokens."""

from app.demo import DEMO
from app.neighbours import with_neighbours
from app.services import Services
from rerank.select import Selection
from retrieval.types import Chunk, Notice, Passage

GUIDE = "Linux服务器性能调优指南.pdf"


def _chunks(demo: Services) -> list[Chunk]:
    collection = demo.collections.named(DEMO)
    document = demo.documents.find(collection.id, GUIDE)
    assert document is not None
    return demo.chunks.of_document(document.id)


def _passage(chunk: Chunk, number: int = 1) -> Passage:
    return Passage(number, chunk, chunk.text, 0.9)


def _completed(demo: Services, *chosen: Passage, tokens: int) -> tuple[Passage, ...]:
    selection = Selection(chosen, True, 0.9, (), ())
    completed = with_neighbours(selection, [], demo.chunks, tokens=tokens)
    added = len(completed.passages) - len(chosen)
    assert completed.notices == ((Notice.of("neighbours_added", count=added),) if added else ())
    return completed.passages


def _chapter(demo: Services) -> list[Chunk]:
    return [chunk for chunk in _chunks(demo) if any("第四章" in heading for heading in chunk.headings)]


def test_chapter_is_completed_by_its_steps_in_order(demo: Services) -> None:
    chapter = _chapter(demo)
    completed = _completed(demo, _passage(chapter[0]), tokens=100_000)
    assert [passage.chunk.id for passage in completed] == [chunk.id for chunk in chapter]
    assert [passage.number for passage in completed] == list(range(1, len(chapter) + 1))
    assert {passage.completes for passage in completed[1:]} == {1}


def test_neighbours_keep_to_the_budget(demo: Services) -> None:
    chapter = _chapter(demo)
    budget = chapter[1].tokens + chapter[2].tokens
    completed = _completed(demo, _passage(chapter[0]), tokens=budget)
    assert [passage.chunk.id for passage in completed[1:]] == [chunk.id for chunk in chapter[1:3]]
    assert _completed(demo, _passage(chapter[0]), tokens=0) == (_passage(chapter[0]),)


def test_step_does_not_bring_the_next_section(demo: Services) -> None:
    step = _chapter(demo)[1]
    completed = _completed(demo, _passage(step), tokens=100_000)
    assert {passage.chunk.headings for passage in completed} == {step.headings}


def test_chosen_passages_are_not_read_twice(demo: Services) -> None:
    chapter = _chapter(demo)
    chosen = [_passage(chapter[0], 1), _passage(chapter[2], 2)]
    completed = _completed(demo, *chosen, tokens=100_000)
    ids = [passage.chunk.id for passage in completed]
    assert len(ids) == len(set(ids)) == len(chapter)
    assert completed[:2] == tuple(chosen)
