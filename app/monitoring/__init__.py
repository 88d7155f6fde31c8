"""What the monitoring page shows over time: counters kept by the minute, ranking quality, costs, memory.

``recorder`` writes what ``app.metrics`` has counted once a minute, beside the requests; ``timeline``
reads it. ``ranking`` is MRR@10 from stored evaluations and from feedback; ``costs`` puts prices beside what
was used.
"""
