"""What can go wrong in reranking. Messages name the thing, the value and the remedy."""


class RerankError(Exception):
    """The root of this package's errors."""


class RerankStopped(RerankError):
    """The caller's deadline passed, or the person pressed stop."""


class RerankerUnavailable(RerankError):
    """The model is missing, unreadable or not reachable."""


class RerankerOverloaded(RerankError):
    """So many requests are waiting that another would only be late."""


class SelfTestFailed(RerankerUnavailable):
    """Known-answer pairs came out wrong: wrong template, random head, NaN or broken weights."""
