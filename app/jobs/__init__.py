"""Durable jobs: every file that is handed in ends as searchable, or as failed with a reason.

Reading order: ``app/storage/job_types.py`` (states), ``service`` (hand in, cancel, retry, wait), ``workers``
(who claims what), ``preparing`` (parse, chunk), ``indexing`` (embed, index, publish), ``trouble`` (what an
error means for a job). SQLite says what is to be done; nothing here keeps a list of its own.
"""
