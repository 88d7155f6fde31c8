"""``/v1/chat/completions`` with OpenAI's own client, on a real port."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from generation.protocols import Stopped, never
from generation.types import Prompt, Sampling
from tests.api.served import BONUS, HANDBOOK, LEAVE, client, served, services_of
from tests.fakes.generation import ScriptedGenerator

ASKED: list[Any] = [{"role": "user", "content": LEAVE}]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    services = services_of(tmp_path_factory.mktemp("chat"))
    with served(services, tmp_path_factory.mktemp("files")) as url:
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> openai.OpenAI:
    return client(url)


def _extra(answer: object) -> dict[str, Any]:
    found: dict[str, Any] = answer.touchstone  # type: ignore[attr-defined]  # not of OpenAI's shape
    return found


def _codes(answer: object) -> list[str]:
    return [notice["code"] for notice in _extra(answer)["notices"]]


def test_answer_has_text_usage_and_marks_that_lead_to_words_of_the_document(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(model="touchstone", messages=ASKED)
    message = answer.choices[0].message
    assert message.content is not None
    assert "12 days" in message.content
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.object, answer.model) == ("chat.completion", "touchstone")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 10
    assert answer.usage.completion_tokens > 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    extra = _extra(answer)
    assert extra["outcome"] == "answered"
    assert extra["trace_id"] in answer.id
    source = extra["sources"][0]
    assert source["quote"] in HANDBOOK
    assert (source["document"], source["end"] - source["start"]) == ("handbook.md", len(source["quote"]))
    assert 0 < source["relevance"] <= 1
    assert message.annotations is not None
    cited = message.annotations[0].url_citation
    assert message.content[cited.start_index : cited.end_index] == "[1]"
    assert httpx.get(cited.url, trust_env=False).json()["chunk_id"] == source["chunk_id"]


def test_stream_gives_the_same_answer_in_pieces_and_its_sources_last(api: openai.OpenAI) -> None:
    whole = api.chat.completions.create(model="touchstone", messages=ASKED)
    chunks = list(
        api.chat.completions.create(
            model="touchstone", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    last, used = chunks[-2:]
    assert last.choices[0].finish_reason == "stop"
    assert _extra(last)["sources"] == _extra(whole)["sources"]
    assert _extra(last)["content"] == text
    assert used.choices == []
    assert used.usage is not None
    assert whole.usage is not None
    assert used.usage.completion_tokens == whole.usage.completion_tokens
    # the borders around passages are made anew for each prompt
    assert abs(used.usage.prompt_tokens - whole.usage.prompt_tokens) < 50


def test_stream_without_usage_ends_with_the_sources(url: str) -> None:
    body = {"model": "touchstone", "messages": ASKED, "stream": True}
    lines = httpx.post(f"{url}/v1/chat/completions", json=body, trust_env=False).text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    assert "usage" not in lines[0]
    assert '"touchstone"' in lines[-2]


def test_what_the_documents_do_not_say_is_told_in_a_stream_too(api: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "Which colour has the company aeroplane?"}]
    chunks = list(api.chat.completions.create(model="touchstone", messages=asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert _extra(chunks[-1])["outcome"] == "abstained"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["salaries", "touchstone/salaries"])
def test_model_may_be_one_knowledge_base(api: openai.OpenAI, model: str) -> None:
    asked: list[Any] = [{"role": "user", "content": BONUS}]
    answer = api.chat.completions.create(model=model, messages=asked)
    assert _extra(answer)["collections"] == ["salaries"]
    assert {each["document"] for each in _extra(answer)["passages"]} == {"salaries.md"}


def test_extension_names_knowledge_bases_passages_and_instruction(api: openai.OpenAI) -> None:
    for name in ("touchstone", "rag"):
        wanted = {"collections": ["handbook"], "top_k": 5, "top_n": 1, "instruction": "Prefer numbers"}
        answer = api.chat.completions.create(
            model="touchstone", messages=ASKED, extra_body={name: {**wanted, "rerank": True}}
        )
        extra = _extra(answer)
        assert (extra["collections"], extra["instruction"]) == (["handbook"], "Prefer numbers")
        assert len({each["chunk_id"] for each in extra["passages"] if each["completes"] is None}) == 1
    bare = api.chat.completions.create(
        model="touchstone", messages=ASKED, extra_body={"touchstone": {"rerank": False}}
    )
    assert _extra(bare)["models"]["reranker"] == ""


def test_earlier_messages_are_the_conversation(api: openai.OpenAI) -> None:
    follow_up = {"role": "user", "content": "And how does it work?"}
    alone = api.chat.completions.create(model="handbook", messages=[follow_up])  # type: ignore[list-item]
    assert _extra(alone)["outcome"] == "abstained"
    messages: list[Any] = [*ASKED, {"role": "assistant", "content": "12 days. [1]"}, follow_up]
    answer = api.chat.completions.create(model="handbook", messages=messages)
    assert _extra(answer)["outcome"] == "answered"
    assert "follow_up_completed" in _codes(answer)
    assert "messages_left_out" not in _codes(answer)


def test_messages_that_are_not_read_are_said(api: openai.OpenAI) -> None:
    turn: list[Any] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    system: list[Any] = [{"role": "system", "content": "You are a pirate."}]
    answer = api.chat.completions.create(
        model="touchstone",
        messages=[*system, *turn * 8, *ASKED],
        temperature=0.5,
        user="somebody",
        extra_headers={"Accept-Language": "en"},
    )
    said = {notice["code"]: notice["text"] for notice in _extra(answer)["notices"]}
    assert said["messages_left_out"].startswith("4 earlier messages were not read: the last 6 exchanges")
    assert "system message was not followed" in said["system_message_ignored"]
    assert _codes(answer).count("option_ignored") == 2


def test_text_parts_are_read_and_images_refused_by_place(api: openai.OpenAI) -> None:
    parts: list[Any] = [{"type": "text", "text": LEAVE}]
    answer = api.chat.completions.create(
        model="touchstone", messages=[{"role": "user", "content": parts}]
    )
    assert _extra(answer)["outcome"] == "answered"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    mixed: list[Any] = [{"role": "user", "content": [*parts, image]}]
    with pytest.raises(openai.BadRequestError) as refused:
        api.chat.completions.create(model="touchstone", messages=mixed)
    assert refused.value.param == "messages.0.content.1"
    assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("functions", [{"name": "f"}]),
        ("tool_choice", "required"),
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"1": 5}),
        ("stop", ["\n"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("response_format", {"type": "json_object"}),
        ("web_search_options", {}),
        ("prediction", {"type": "content", "content": "x"}),
    ],
)
def test_what_is_not_done_here_is_refused_by_name(api: openai.OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        api.chat.completions.create(model="touchstone", messages=ASKED, extra_body={name: value})
    assert (refused.value.param, refused.value.code) == (name, "unsupported_parameter")
    assert refused.value.type == "invalid_request_error"
    assert "is not supported" in refused.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"misspelt": 1}, "misspelt"),
        ({"touchstone": {"top_m": 1}}, "touchstone.top_m"),
        ({"touchstone": {}, "rag": {}}, "rag"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"messages": [{"role": "assistant", "content": "Hello"}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "4"}, *ASKED]}, "messages.0.role"),
        ({"model": "handbook", "touchstone": {"collections": ["salaries"]}}, "touchstone.collections"),
    ],
)
def test_what_cannot_be_used_is_named(api: openai.OpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        api.post("/chat/completions", body={"model": "touchstone", "messages": ASKED, **body}, cast_to=object)
    assert refused.value.param == param


@pytest.mark.parametrize("model", ["gpt-4o", "touchstone/nothing", "nothing"])
def test_unknown_model_is_not_found(api: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        api.chat.completions.create(model=model, messages=ASKED)
    assert refused.value.code == "model_not_found"
    assert refused.value.request_id


class RecordingGenerator(ScriptedGenerator):
    """Keeps how it was asked to choose tokens."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.samplings: list[Sampling] = []

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        self.samplings.append(sampling)
        return super().stream(prompt, sampling, stopped)


def test_sampling_options_reach_the_generator(tmp_path: Path) -> None:
    generator = RecordingGenerator("There are 12 days of annual leave [1].")
    with served(services_of(tmp_path / "data", generator, samples=True), tmp_path) as url:
        api = client(url)
        answer = api.chat.completions.create(
            model="touchstone", messages=ASKED, temperature=0.7, top_p=0.9, seed=3, max_tokens=4
        )
        api.chat.completions.create(model="touchstone", messages=ASKED)
        long = api.chat.completions.create(model="touchstone", messages=ASKED, max_completion_tokens=99_999)
    assert generator.samplings[0] == Sampling(0.7, 0.9, 4, 3)
    assert generator.samplings[1] == Sampling(0.0, 1.0, 1536, 0)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    assert generator.samplings[2].max_tokens == 1536
    assert "answer_shortened" in _codes(long)
    assert "option_ignored" not in _codes(answer)


class BreakingGenerator(ScriptedGenerator):
    """Breaks in a way that nobody was prepared for, behind its first words."""

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        yield "There are"
        raise RuntimeError("the graphics card is on fire")


def test_failure_in_the_midst_of_a_stream_is_raised_by_the_client(tmp_path: Path) -> None:
    with served(services_of(tmp_path / "data", BreakingGenerator("")), tmp_path) as url:
        chunks = client(url).chat.completions.create(model="touchstone", messages=ASKED, stream=True)
        read: list[str | None] = []
        with pytest.raises(openai.APIError) as failed:
            read.extend(chunk.choices[0].delta.content for chunk in chunks)
        with pytest.raises(openai.InternalServerError) as whole:
            client(url).chat.completions.create(model="touchstone", messages=ASKED)
    assert (failed.value.code, failed.value.type) == ("internal", "server_error")
    assert whole.value.code == "internal"
    assert "fire" not in str(failed.value.body) + str(whole.value.body)


class PatientGenerator(ScriptedGenerator):
    """Writes one word and waits to be stopped."""

    def __init__(self) -> None:
        super().__init__("")
        self.writing, self.stopped = threading.Event(), threading.Event()

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        yield "There"
        self.writing.set()
        while not stopped():
            time.sleep(0.01)
        self.stopped.set()


def test_reader_who_leaves_frees_the_model_and_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    patient = PatientGenerator()
    services = services_of(tmp_path / "data", patient, server={"concurrency": 1, "queue": 0})
    with served(services, tmp_path) as url:
        api = client(url)
        chunks = api.chat.completions.create(model="touchstone", messages=ASKED, stream=True)
        next(chunks)
        assert patient.writing.wait(10)
        with pytest.raises(openai.InternalServerError) as full:
            api.chat.completions.create(model="touchstone", messages=ASKED)
        assert (full.value.status_code, full.value.code) == (503, "busy")
        assert int(full.value.response.headers["retry-after"]) >= 1
        assert full.value.response.headers["x-should-retry"] == "true"
        counted = httpx.get(f"{url}/metrics", trust_env=False).text
        assert 'touchstone_gate_refused_total{gate="answer"} 1.0' in counted
        assert 'touchstone_gate_inside{gate="answer"} 1.0' in counted
        assert 'touchstone_problems_total{code="busy"} 1.0' in counted
        chunks.close()
        assert patient.stopped.wait(5)


def test_client_asks_again_by_itself_while_the_queue_is_full(tmp_path: Path) -> None:
    patient = PatientGenerator()
    services = services_of(tmp_path / "data", patient, server={"concurrency": 1, "queue": 0})
    with served(services, tmp_path) as url:
        api = client(url)
        first = api.chat.completions.create(model="touchstone", messages=ASKED, stream=True)
        next(first)
        assert patient.writing.wait(10)
        leaving = threading.Timer(0.5, first.close)
        leaving.start()
        again = api.with_options(max_retries=5).chat.completions.create(
            model="touchstone", messages=ASKED, stream=True
        )
        assert next(again).choices[0].delta.role == "assistant"
        again.close()
        leaving.join()
