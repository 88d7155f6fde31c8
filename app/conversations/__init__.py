"""Conversations: an answer belongs to the server, not to the connection that asked for it.

``asking`` turns a question and the settings of its conversation into an ``Ask``; ``run`` writes one answer
into the log of its message; ``runs`` keeps the answers that are being written, and stops them; ``talks`` is
what a person does with conversations; ``shown`` decides what an old answer may still show, and ``reading``
shows it; ``opinions`` is feedback; ``views`` is the JSON.
"""
