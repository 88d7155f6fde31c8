"""Texts that stand in a knowledge base more than once, and versions of one text that say different things.

Reading order: ``signatures`` (MinHash of one text), ``near`` (pairs by LSH), ``contradictions`` (sentences
that say otherwise), ``report`` (a whole collection, in bounded time).
"""
