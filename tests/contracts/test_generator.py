"""What every Generator promises, checked on the fake and on each real adapter."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from generation.errors import Truncated
from generation.extractive import ExtractiveGenerator
from generation.openai_compatible import OpenAICompatibleGenerator
from generation.protocols import Generator
from generation.transformers_local import TransformersGenerator
from generation.types import Message, Sampling
from tests.fakes.generation import ScriptedGenerator, a_passage, a_prompt, chunks, model_server
from tests.tiny import tiny_qwen3

POLICY = a_passage(
    1, "退货期限为 30 天。退货运费由买家承担😀。退货须附 RMA 编号，退货地址印在标签上。退货款 5 天内到账。"
)
PROMPT = a_prompt("退货期限多久？退货运费谁承担？", POLICY)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    folder: Path = tiny_qwen3(tmp_path_factory.mktemp("tiny"))
    return TransformersGenerator.load(str(folder), local_files_only=True, device="cpu")


@pytest.fixture(params=["scripted", "extractive", "transformers", "openai"])
def generator(request: pytest.FixtureRequest) -> Iterator[Generator]:
    if request.param == "scripted":
        yield ScriptedGenerator("退货期限为 30 天 [1]。 运费由买家承担😀 [1]。")
    elif request.param == "extractive":
        yield ExtractiveGenerator()
    elif request.param == "transformers":
        yield request.getfixturevalue("tiny_model")
    else:
        pieces = ["退货", "期限为 30", " 天", "\ud83d", "\ude00", "[1]", "。"]
        with model_server(chunks(*pieces, finish="length")) as server:
            yield OpenAICompatibleGenerator(server.url, model="m", context_tokens=8192)


@pytest.fixture
def write(generator: Generator) -> Callable[[int], tuple[list[str], bool]]:
    """Streams at most so many tokens; the pieces, and whether ``Truncated`` ended them."""

    def run(max_tokens: int) -> tuple[list[str], bool]:
        pieces: list[str] = []
        try:
            for piece in generator.stream(PROMPT, Sampling(max_tokens=max_tokens)):
                pieces.append(piece)
        except Truncated:
            return pieces, True
        return pieces, False

    return run


def test_pieces_are_whole_characters(write: Callable[[int], tuple[list[str], bool]]) -> None:
    pieces, _ = write(40)
    for piece in pieces:
        piece.encode("utf-8")
        assert piece


def test_something_is_written(write: Callable[[int], tuple[list[str], bool]]) -> None:
    assert "".join(write(40)[0]).strip()


def test_temperature_zero_gives_the_same_answer_twice(
    write: Callable[[int], tuple[list[str], bool]],
) -> None:
    assert write(20) == write(20)


def test_the_token_limit_raises_truncated_after_the_last_piece(
    write: Callable[[int], tuple[list[str], bool]],
) -> None:
    pieces, truncated = write(4)
    assert truncated
    assert pieces


def test_a_stop_before_the_first_token_writes_nothing(generator: Generator) -> None:
    assert list(generator.stream(PROMPT, Sampling(max_tokens=40), lambda: True)) == []


def test_a_stop_ends_the_stream_at_the_next_token(generator: Generator) -> None:
    pieces: list[str] = []
    for piece in generator.stream(PROMPT, Sampling(max_tokens=40), lambda: len(pieces) >= 1):
        pieces.append(piece)
    assert len(pieces) == 1


def test_a_stream_left_early_does_not_block_the_next(generator: Generator) -> None:
    stream = generator.stream(PROMPT, Sampling(max_tokens=40))
    list(islice(stream, 1))
    close = getattr(stream, "close", None)
    assert close is not None, "a stream must be closable, so that a disconnected reader frees the model"
    close()
    assert list(islice(generator.stream(PROMPT, Sampling(max_tokens=40)), 1))


def test_longer_messages_count_more_tokens(generator: Generator) -> None:
    short = generator.count_tokens([Message("user", "退货")])
    assert 0 < short < generator.count_tokens([Message("user", "退货期限是多久 and who pays?")])


def test_context_and_identity_are_told(generator: Generator) -> None:
    assert generator.context_tokens >= 1024
    assert generator.identity.strip() == generator.identity != ""
