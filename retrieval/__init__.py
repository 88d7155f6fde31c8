"""Retrieval: a question becomes candidates. The bottom layer, which owns the shared vocabulary.

Flow: ``understand`` (question → Query) → ``recall`` (Query → hits per channel) → ``fuse`` (hits →
candidates). Read ``types`` first, then ``protocols``, ``understand``, ``recall``, ``fuse``.
"""
