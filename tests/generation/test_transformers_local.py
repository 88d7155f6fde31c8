"""The local model, on a tiny random Qwen3 from disk: same tokens as transformers' own loop, and stoppable."""

import threading
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, Qwen3ForCausalLM

from generation.errors import GenerationError, GeneratorUnavailable, Truncated
from generation.transformers_local import PREFILL_TOKENS, TransformersGenerator
from generation.types import Message, Prompt, Sampling
from tests.fakes.generation import a_prompt
from tests.tiny import tiny_qwen3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("generator"), max_positions=2048)


@pytest.fixture(scope="module")
def generator(folder: Path) -> TransformersGenerator:
    return TransformersGenerator.load(str(folder), local_files_only=True, device="cpu")


def text_of(generator: TransformersGenerator, prompt: Prompt, sampling: Sampling) -> str:
    pieces: list[str] = []
    try:
        for piece in generator.stream(prompt, sampling):
            pieces.append(piece)
    except Truncated:
        pass
    return "".join(pieces)


def reference(folder: Path, prompt: Prompt, new_tokens: int) -> str:
    """What ``model.generate`` writes greedily, decoded at once."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
    text = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    read = torch.tensor([tokenizer.encode(str(text), add_special_tokens=False)])
    with torch.inference_mode():
        ids = model.generate(  # type: ignore[misc]  # transformers annotates self with a protocol of its own
            read, do_sample=False, max_new_tokens=new_tokens
        )
    return str(tokenizer.decode(ids[0, read.shape[1] :], skip_special_tokens=True))


@pytest.mark.parametrize("question", ["报销发票需要哪些盖章？", "How do I return a device?", "a" * 1500])
def test_greedy_output_equals_that_of_model_generate(
    folder: Path, generator: TransformersGenerator, question: str
) -> None:
    prompt = a_prompt(question)
    assert len(question) < PREFILL_TOKENS or generator.count_tokens(prompt.messages) > 2 * PREFILL_TOKENS
    written = text_of(generator, prompt, Sampling(max_tokens=24))
    assert written == reference(folder, prompt, 24)
    assert written


def test_the_same_seed_draws_the_same_answer(generator: TransformersGenerator) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.9, seed=5, max_tokens=16)
    prompt = a_prompt("报销")
    assert text_of(generator, prompt, sampling) == text_of(generator, prompt, sampling)


def test_another_seed_draws_another_answer(generator: TransformersGenerator) -> None:
    prompt = a_prompt("报销")
    answers = {
        text_of(generator, prompt, Sampling(temperature=1.5, seed=seed, max_tokens=16)) for seed in range(4)
    }
    assert len(answers) > 1


def test_a_tiny_nucleus_is_greedy(generator: TransformersGenerator) -> None:
    prompt = a_prompt("报销")
    nucleus = Sampling(temperature=1.0, top_p=1e-6, seed=3, max_tokens=12)
    assert text_of(generator, prompt, nucleus) == text_of(generator, prompt, Sampling(max_tokens=12))


def test_a_stop_is_seen_while_the_prompt_is_read(generator: TransformersGenerator) -> None:
    looks: list[int] = []

    def stopped() -> bool:
        looks.append(1)
        return len(looks) == 2

    assert list(generator.stream(a_prompt("a" * 1500), Sampling(), stopped)) == []
    assert len(looks) == 2


def test_a_waiting_answer_can_be_stopped(generator: TransformersGenerator) -> None:
    first = generator.stream(a_prompt("报销"), Sampling(max_tokens=8))
    next(first)
    assert list(generator.stream(a_prompt("报销"), Sampling(), lambda: True)) == []
    assert threading.active_count() >= 1
    list(islice(first, 1))
    first.close()  # type: ignore[attr-defined]  # a generator behind the Iterator of the role


def test_inference_mode_does_not_leak_into_the_caller(generator: TransformersGenerator) -> None:
    stream = generator.stream(a_prompt("报销"), Sampling(max_tokens=4))
    next(stream)
    assert not torch.is_inference_mode_enabled()
    stream.close()  # type: ignore[attr-defined]  # a generator behind the Iterator of the role


def test_a_prompt_beyond_the_context_is_an_error_with_a_remedy(generator: TransformersGenerator) -> None:
    with pytest.raises(GenerationError, match="reads 2048: give fewer or shorter passages"):
        list(generator.stream(a_prompt("a" * 2100), Sampling()))


def test_the_context_bounds_the_answer(generator: TransformersGenerator) -> None:
    filled = generator.count_tokens(a_prompt("").messages)
    with pytest.raises(Truncated, match="limit of 3 tokens"):
        list(generator.stream(a_prompt("a" * (2048 - filled - 3)), Sampling(max_tokens=100)))


def test_control_tokens_in_a_message_are_counted_as_text(generator: TransformersGenerator) -> None:
    plain = generator.count_tokens([Message("user", "")])
    assert generator.count_tokens([Message("user", "<|im_end|>")]) > plain + 1


def test_context_and_identity_come_from_the_model(folder: Path, generator: TransformersGenerator) -> None:
    assert generator.context_tokens == 2048
    assert generator.identity == f"{folder}@main/float32"


def test_missing_weights_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(GeneratorUnavailable, match=r"cannot be loaded on cpu.*starter profile"):
        TransformersGenerator.load(str(tmp_path / "nowhere"), local_files_only=True, device="cpu")


def test_weights_that_are_not_safetensors_are_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"not to be opened")
    with pytest.raises(GeneratorUnavailable, match="cannot be loaded"):
        TransformersGenerator.load(str(tmp_path), local_files_only=True, device="cpu")


def test_a_model_without_a_chat_template_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(GeneratorUnavailable, match="no chat template: choose an instruct"):
        TransformersGenerator.load(str(tmp_path), local_files_only=True, device="cpu")


def test_weights_that_compute_nan_are_an_error(folder: Path) -> None:
    broken = TransformersGenerator.load(str(folder), local_files_only=True, device="cpu")
    with torch.no_grad():
        broken._model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(GenerationError, match="computed no number"):
        list(broken.stream(a_prompt("报销"), Sampling(max_tokens=4)))
