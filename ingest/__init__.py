"""Ingestion: BYTES → chunks with vectors.

Flow: ``load`` (path → Source) → ``parse`` (Source → Document) → ``chunk`` → ``embed``.
``pipeline.prepare`` runs parse, chunk and embed and hands back a ``Prepared``, which storage publishes
as one version.

Markdown and plain text are parsed in process; their text is the decoded file without invisible
characters, so each chunk is a word-for-word slice. PDFs are parsed in a throw-away subprocess, because a
hostile file can end or fill any process: ``worker`` starts it and ``reply`` checks what it says; inside,
``parser_process`` sets the limits and ``pdf`` leads from ``pdfium`` (characters, boxes; or
``pypdf_reader`` where PDFium refuses) through ``words``, ``lines``, ``running``, ``headings`` and
``paragraphs`` to the text that ``wire`` sends back. Only ``pdfium`` imports pypdfium2, only
``pypdf_reader`` imports pypdf, and neither is imported outside that process.

Reading order: types, pipeline, load, parse, markdown, chunk, split, tokens; then worker, parser_process,
pdf.
"""
