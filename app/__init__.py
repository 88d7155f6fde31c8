"""Everything that runs: wiring, storage, pages, API, command line, evaluation. Nobody imports it.

Reading order: ``answering`` (a question becomes a cited answer), ``documents`` (a file becomes searchable),
``storage`` (what holds the truth), ``wiring`` (which models), ``services`` (all of it together), then
``api``, ``web`` and ``cli``.
"""
