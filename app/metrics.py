"""What is counted and timed while serving, for Prometheus. Labels are words of ours, never a user's."""

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.samples import Sample

from app.result import Result

STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OTHER = "other"


class Metrics:
    """Counters and histograms of one instance, in a registry of its own. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._stages = Histogram(
            "touchstone_stage_seconds",
            "How long each stage of an answer took; first_token is counted from the start of generate.",
            ["stage"],
            buckets=STAGE_S,
            registry=self.registry,
        )
        self._answers = self._counter("answers", "Questions answered, by outcome.", "outcome")
        self._notices = self._counter("notices", "Notices that went with answers, by code.", "code")
        self._tokens = self._counter("tokens", "Tokens of answers: read or written, by role.", "role")
        self._requests = self._counter("http_requests", "Requests.", "method", "route", "status")
        self._seconds = Histogram(
            "touchstone_http_request_seconds",
            "How long requests took, a streamed answer to its end.",
            ["route"],
            buckets=REQUEST_S,
            registry=self.registry,
        )
        self._problems = self._counter("problems", "Requests answered with an error, by its code.", "code")
        self._rejected = self._counter(
            "uploads_rejected", "Files that were sent and not taken, by the code of the error.", "code"
        )

    def answered(self, result: Result) -> None:
        """One question has been answered."""
        for stage, ms in result.timings_ms:
            self._stages.labels(stage).observe(ms / 1000)
        self._answers.labels(result.answer.outcome).inc()
        for code in dict.fromkeys(notice.code for notice in result.notices):
            self._notices.labels(code).inc()
        used = result.answer.usage
        for role, tokens in (
            ("prompt", used.prompt_tokens),
            ("completion", used.completion_tokens),
            ("rerank", result.rerank_tokens),
        ):
            self._tokens.labels(role).inc(tokens)

    def served(self, method: str, route: str, status: int, seconds: float, problem: str) -> None:
        """One request has ended. ``route`` is a declared path, "" where none was found."""
        self._requests.labels(method if method in METHODS else OTHER, route or OTHER, status).inc()
        self._seconds.labels(route or OTHER).observe(seconds)
        if problem:
            self._problems.labels(problem).inc()

    def rejected(self, code: str) -> None:
        """A file was sent and not taken."""
        self._rejected.labels(code).inc()

    def totals(self) -> dict[str, float]:
        """Everything about answers so far, by names that never change: what may be summed over time.

        ``answers/OUTCOME``; ``tokens/ROLE``; ``seconds/STAGE``, the time it took in all;
        ``took/STAGE/BOUND``, how often it took up to BOUND seconds and longer than the next smaller bound of
        ``STAGE_S``.
        """
        found = {
            f"answers/{each.labels['outcome']}": each.value for each in _samples(self._answers, "_total")
        }
        found |= {f"tokens/{each.labels['role']}": each.value for each in _samples(self._tokens, "_total")}
        found |= {f"seconds/{each.labels['stage']}": each.value for each in _samples(self._stages, "_sum")}
        below: dict[str, float] = {}
        for each in _samples(self._stages, "_bucket"):  # cumulative, in the order of bounds
            stage = each.labels["stage"]
            found[f"took/{stage}/{each.labels['le']}"] = each.value - below.get(stage, 0)
            below[stage] = each.value
        return found

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"touchstone_{name}", about, labels, registry=self.registry)


def _samples(of: Counter | Histogram, ending: str) -> list[Sample]:
    return [each for family in of.collect() for each in family.samples if each.name.endswith(ending)]


def unobserved(result: Result) -> None:
    """The observer of an instance that counts nothing."""
