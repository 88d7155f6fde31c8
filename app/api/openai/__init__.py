"""OpenAI's API over the knowledge bases: ``chat`` and ``stream``, ``embeddings``, ``models``.

``request`` reads what is asked, ``options`` says what is refused or has no effect, ``reply`` what comes back.
"""
