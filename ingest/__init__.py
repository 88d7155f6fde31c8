"""Ingestion: BYTES → chunks with vectors.

Flow: ``load`` (path → Source) → ``parse`` (Source → Document) → ``chunk`` → ``embed``;
``pipeline.prepare`` runs parse, chunk and embed and hands back a ``Prepared`` that storage publishes as
one version.

PDFs are parsed in a throw-away subprocess (``worker``) because a hostile file can end or fill any
process: ``pdfium`` (characters, boxes) and ``pypdf_reader`` (outline, title, second opinion) are
imported only there; ``pdf`` combines them through ``lines`` → ``running`` → ``paragraphs``. Markdown and
plain text are parsed in process, and their chunks are word-for-word slices of the cleaned file.

Reading order: types, pipeline, load, parse, markdown, chunk, tokens; then worker, pdf, pdfium, lines,
paragraphs.
"""
