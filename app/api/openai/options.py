"""Options of OpenAI's API that mean nothing here.

Refused by name where the answer would be another than asked for, else taken and said to have no effect.

Source: the request of ``POST /v1/chat/completions`` as the openai Python package, version 3, knows it.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from app.errors import Unsupported
from retrieval.types import Notice

NO_TOOLS = "answers come from documents, and nothing is called for them"
ONE = "one answer is written for a question"
TEXT_ONLY = "questions and answers are text"
REFUSED: dict[str, tuple[tuple[JsonValue, ...], str]] = {
    "tools": (([],), NO_TOOLS),
    "tool_choice": (("none", "auto"), NO_TOOLS),
    "functions": (([],), NO_TOOLS),
    "function_call": (("none", "auto"), NO_TOOLS),
    "web_search_options": ((), "only the knowledge bases are searched"),
    "n": ((1,), ONE),
    "logprobs": ((False,), "the probabilities of tokens are not kept"),
    "top_logprobs": ((0,), "the probabilities of tokens are not kept"),
    "logit_bias": (({},), "tokens cannot be favoured one by one"),
    "stop": (([], ""), "an answer ends where it is complete, or at max_tokens"),
    "modalities": ((["text"],), TEXT_ONLY),
    "audio": ((), TEXT_ONLY),
    "prediction": ((), "no answer can be predicted"),
    "response_format": (({"type": "text"},), "answers are text with marks like [1]"),
}
"""Option, the values that ask for nothing (beside null), and why others are refused."""

WITHOUT_EFFECT: dict[str, tuple[JsonValue, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "parallel_tool_calls": (True, False),
    "reasoning_effort": ("none",),
    "verbosity": (),
    "store": (False,),
    "metadata": ({},),
    "service_tier": ("auto", "default"),
    "user": ("",),
    "safety_identifier": ("",),
    "prompt_cache_key": ("",),
    "prompt_cache_retention": (),
}
"""Option, and the values (beside null) about which nothing needs to be said."""


def refuse(given: Mapping[str, JsonValue]) -> None:
    """Raise ``Unsupported`` naming the first option that asks for what is not done here."""
    for name, (harmless, why) in REFUSED.items():
        value = given.get(name)
        if value is not None and value not in harmless:
            raise Unsupported(name, f"{name} is not supported: {why}; leave it out")


def without_effect(given: Mapping[str, JsonValue]) -> list[Notice]:
    """A notice ``option_ignored`` (name) for each option that is accepted and does nothing."""
    names = [
        name
        for name, harmless in WITHOUT_EFFECT.items()
        if given.get(name) is not None and given[name] not in harmless
    ]
    return [Notice.of("option_ignored", name=name) for name in names]
