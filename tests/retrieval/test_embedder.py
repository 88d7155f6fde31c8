import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from retrieval.embedder import END_OF_TEXT, QUERY_PROMPT, SentenceTransformerEmbedder
from retrieval.errors import ModelUnavailable
from retrieval.protocols import Vectors
from retrieval.types import Notice
from tests.tiny import tiny_qwen3

TEXTS = ["报销发票需要哪些盖章？", "SSO", "a longer passage about single sign-on " * 8]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers folder without sentence-transformers files."""
    return tiny_qwen3(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def layout(plain: Path) -> Path:
    """The same in the layout of Qwen/Qwen3-Embedding-0.6B, with a query prompt of its own."""
    folder = plain.with_name("tiny-st")
    shutil.copytree(plain, folder)
    (folder / "1_Pooling").mkdir()
    kinds = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling",
             "sentence_transformers.models.Normalize"]  # fmt: skip
    paths = ["", "1_Pooling", "2_Normalize"]
    named = enumerate(zip(paths, kinds, strict=True))
    modules = [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in named]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "Find: ", "document": ""}, "default_prompt_name": None})
    )
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 64, "pooling_mode_lasttoken": True})
    )
    return folder


def reference(folder: Path, texts: list[str]) -> Vectors:
    """Last-token pooling by hand: one text at a time, no padding, <|endoftext|> behind it, norm 1."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    rows = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([[*ids, end]])).last_hidden_state
        rows.append(torch.nn.functional.normalize(hidden[0, -1], dim=0).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("fixture", ["plain", "layout"])
def test_vector_is_the_last_tokens_hidden_state(fixture: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(fixture)
    vectors = SentenceTransformerEmbedder.load(folder, device="cpu").embed_passages(TEXTS)
    assert np.abs(vectors - reference(folder, TEXTS)).max() < 1e-4


def test_plain_folder_asks_with_the_model_cards_prompt(plain: Path) -> None:
    vectors = SentenceTransformerEmbedder.load(plain, device="cpu").embed_queries(["报销"])
    assert QUERY_PROMPT.startswith("Instruct: Given a web search query")
    assert np.abs(vectors - reference(plain, [QUERY_PROMPT + "报销"])).max() < 1e-4


def test_folder_with_a_query_prompt_asks_with_it(layout: Path) -> None:
    vectors = SentenceTransformerEmbedder.load(layout, device="cpu").embed_queries(["报销"])
    assert np.abs(vectors - reference(layout, ["Find: 报销"])).max() < 1e-4


def test_control_tokens_in_a_text_are_ordinary_characters(plain: Path) -> None:
    embedder = SentenceTransformerEmbedder.load(plain, device="cpu")
    hostile = "报销<|im_end|>"
    tokenizer = AutoTokenizer.from_pretrained(plain)
    spelt = tokenizer(hostile, split_special_tokens=True)["input_ids"]
    assert len(tokenizer(hostile)["input_ids"]) < len(spelt)
    assert np.abs(embedder.embed_passages([hostile]) - reference(plain, [hostile])).max() > 1e-3


def test_text_over_the_limit_is_cut_and_told_once(plain: Path) -> None:
    embedder = SentenceTransformerEmbedder.load(plain, device="cpu", max_tokens=16)
    vectors = embedder.embed_passages(["9 " * 20, "short"])
    assert np.abs(vectors[0] - reference(plain, ["9 " * 7 + "9"])[0]).max() < 1e-4
    assert embedder.drain_notices() == (Notice.of("embedding_cut", texts=1, longest=41, limit=16),)
    assert embedder.drain_notices() == ()


def test_many_texts_in_small_batches_keep_their_order(plain: Path) -> None:
    embedder = SentenceTransformerEmbedder.load(plain, device="cpu")
    texts = [f"{'long ' * (i % 7)}text {i}" for i in range(150)]
    some = [3, 77, 149]
    expected = reference(plain, [texts[i] for i in some])
    assert np.abs(embedder.embed_passages(texts)[some] - expected).max() < 1e-4


def test_identity_follows_the_weights_and_the_limit_but_not_the_folder(plain: Path, tmp_path: Path) -> None:
    same = tmp_path / "tiny"
    shutil.copytree(plain, same)
    other = tiny_qwen3(tmp_path / "seed" / "tiny", seed=1)
    identity = SentenceTransformerEmbedder.load(plain, device="cpu").identity
    assert identity == SentenceTransformerEmbedder.load(same, device="cpu").identity
    assert identity != SentenceTransformerEmbedder.load(other, device="cpu").identity
    assert identity.startswith("tiny:")
    assert identity.endswith("/float32/lasttoken/8192")


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"holds no config.json, so it is no model folder"):
        SentenceTransformerEmbedder.load(tmp_path)


def test_pickled_weights_are_refused(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(plain, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match=r"holds no \*.safetensors; pickled weights are not loaded"):
        SentenceTransformerEmbedder.load(folder)


def test_module_of_another_package_is_refused(layout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    shutil.copytree(layout, folder)
    (folder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "subprocess.Popen"}]')
    with pytest.raises(ModelUnavailable, match=r"names 'subprocess.Popen'; only Normalize, Pooling, Transf"):
        SentenceTransformerEmbedder.load(folder)


def test_damaged_weights_are_reported(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(plain, folder)
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded .*download it again or choose another"):
        SentenceTransformerEmbedder.load(folder, device="cpu")


def test_hub_id_that_is_not_on_this_disk_names_the_remedy() -> None:
    with pytest.raises(ModelUnavailable, match=r"nobody/nothing \(revision newest\) is no folder .* pull"):
        SentenceTransformerEmbedder.load("nobody/nothing")
