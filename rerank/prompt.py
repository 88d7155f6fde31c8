"""The text Qwen3-Reranker was trained on. Source of every constant: the model card's transformers snippet.

Qwen/Qwen3-Reranker-0.6B, README "Transformers Usage" (QwenLM/Qwen3-Embedding @ f4ad0c43). The vLLM snippet of
the same README builds another prompt and other orders (QwenLM/Qwen3-Embedding#71, #146); it is not followed.
"""

import re

TEMPLATE_VERSION = "qwen3-card-1"
"""Part of a reranker's identity: changes whenever a constant or a rule of this file does."""

PREFIX = (
    "<|im_start|>system\n"
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
DEFAULT_INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
MAX_TOKENS = 8192
"""The card's ``max_length``: prefix, body and suffix together."""

_TYPED_LABEL = re.compile(r"\A\s*(?:<Instruct>\s*[:：]\s*)+", re.IGNORECASE)
_CONTROL = re.compile(r"<(?=\|[^|<>\s]{1,40}\|>|/?think>|/?tool_call>|/?tool_response>)")


def clean_instruction(instruction: str) -> str:
    """The instruction as one line without a typed ``<Instruct>:`` label; the card's default if that is empty.

    The template writes the label itself, and a line break would end the field.
    """
    line = " ".join(_TYPED_LABEL.sub("", instruction).split())
    return line or DEFAULT_INSTRUCTION


def head_text(instruction: str, query: str) -> str:
    """The part of the body that all passages of a query share, up to and including ``<Document>:``."""
    return f"<Instruct>: {clean_instruction(instruction)}\n<Query>: {query}\n<Document>:"


def document_text(passage: str) -> str:
    """The part of the body that follows ``head_text``.

    Tokenised apart from the head it gives the same ids as the whole body: the pre-tokenizer always splits
    between a colon and a space.
    """
    return f" {passage}"


def body_text(instruction: str, query: str, passage: str) -> str:
    """What stands between prefix and suffix, as the card's ``format_instruction`` writes it."""
    return head_text(instruction, query) + document_text(passage)


def halves(instruction: str, query: str, passage: str) -> tuple[str, str]:
    """The whole prompt cut before ``<Document>``, for servers that only concatenate query and document."""
    return (
        f"{PREFIX}<Instruct>: {clean_instruction(instruction)}\n<Query>: {query}\n",
        f"<Document>: {passage}{SUFFIX}",
    )


def encodable(text: str) -> str:
    """The text with halves of surrogate pairs joined, or replaced by U+FFFD where one stands alone.

    JSON can carry them; neither UTF-8 nor a tokenizer takes them.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def defuse(text: str) -> str:
    """The text with control strings such as ``<|im_end|>`` broken by a space after ``<``.

    For text handed to a tokenizer we do not control; our own encoder reads control strings as plain text.
    """
    return _CONTROL.sub("< ", text)
