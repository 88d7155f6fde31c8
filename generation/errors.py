"""What can go wrong in generation. Messages name the thing, the value and the remedy."""


class GenerationError(Exception):
    """The root of this package's errors."""


class GeneratorUnavailable(GenerationError):
    """The model is missing, unreadable or not reachable."""


class Truncated(GenerationError):
    """Not a failure: the answer reached its token limit. Raised after the last piece."""
