"""What a question costs: what it used, and that at the prices an admin has set. No price, no cost."""

from dataclasses import dataclass

from app.api_settings import CostSettings
from app.monitoring.timeline import total
from app.storage.monitoring import Slice

MILLION = 1_000_000
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that answers used: how much of it a question on average, and its cost where it has a price.

    ``name``: ``rerank`` (tokens the reranker read), ``prompt`` and ``completion`` (tokens the generator read
    and wrote; priced by the million), ``working`` and ``serving`` (seconds, priced by the hour). ``working``
    is the time from question to answer; questions that are answered side by side share the machine, so that
    it is an upper bound of what one takes. ``serving`` is all the time the server ran, idle or not: what the
    machine costs, over the questions that were asked.
    """

    name: str
    per_query: float | None
    price: float | None
    setting: str

    @property
    def cost(self) -> float | None:
        """What that is a question; None without a price or a question."""
        if self.per_query is None or self.price is None:
            return None
        unit = HOUR_S if self.name in ("working", "serving") else MILLION
        return self.per_query * self.price / unit


def items(counted: Slice, prices: CostSettings) -> list[Item]:
    """Each thing that is used, over what was counted."""
    answers = total(counted, "answers/")

    def each(used: float) -> float | None:
        return used / answers if answers else None

    sums = counted.sums
    return [
        Item("rerank", each(sums.get("tokens/rerank", 0)), prices.rerank_million, "rerank_million"),
        Item("prompt", each(sums.get("tokens/prompt", 0)), prices.prompt_million, "prompt_million"),
        Item("completion", each(sums.get("tokens/completion", 0)), prices.completion_million,
             "completion_million"),
        Item("working", each(sums.get("seconds/total", 0)), prices.machine_hour, "machine_hour"),
        Item("serving", each(counted.seconds), prices.machine_hour, "machine_hour"),
    ]  # fmt: skip
