"""CANDIDATES → PASSAGES: judge what recall found, then keep what is evidence.

Flow: ``rerank`` gives every candidate a relevance in 0..1 (or says why it could not), ``select`` collapses
near duplicates and hands on at most N passages above the floor.

Who judges: ``GuardedReranker`` asks the configured reranker within its latency budget; while that fails, the
lexical one takes over (``CircuitBreaker``), and every answer says so. ``RerankerClient`` is reranking for
other people's Python.

Rerankers: ``Qwen3Reranker`` (the product), ``LexicalReranker`` (no weights: starter profile and fallback),
``RemoteReranker`` (a server that speaks ``/rerank``). ``self_test`` asks each of them known answers before it
is trusted.

The engine of ``Qwen3Reranker`` packs requests without padding (``packing``), runs the decoder on them
(``attention``, ``linear``, ``decoder``, ``engine``; ``weights`` and ``checkpoint`` load it, ``compiled`` and
``graphs`` speed it up), merges callers (``batching``, ``scheduler``) and remembers scores (``cache``) and the
token ids of passages (``tokens``, ``token_ids``).

Reading order: ``types``, ``protocols``, ``prompt``, ``tokens``, ``qwen3``, ``rerank``, ``select``.
"""
