"""Generation: passages become an answer whose every citation can be checked.

Flow: ``build_prompt`` (question and passages → Prompt within the model's context) → ``generate`` (streams
a ``Generator``, then gives the Answer) → ``cite`` (marks ``[n]`` → exact quotes). ``abstain`` answers
when nothing relevant was found. The generators are ``transformers_local`` (a language model in this
process), ``openai_compatible`` (a model behind HTTP) and ``extractive`` (sentences of the passages, no
model at all). Read ``types`` first, then ``protocols``, ``prompt``, ``generate``, ``cite``. Sentences
that people or models read live in ``templates/``.
"""
