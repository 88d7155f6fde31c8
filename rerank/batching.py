"""Which pairs go through the model together."""

from collections.abc import Sequence


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices grouped so that a padded batch (longest length x count) holds at most ``budget`` tokens.

    Longest first, so padding is least and a batch that does not fit into memory fails at once; ties keep the
    order given. A pair longer than the budget is a batch of its own. Every index appears exactly once.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[groups[-1][0]] if groups else 0
        if groups and longest * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
