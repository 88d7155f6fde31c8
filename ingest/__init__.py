"""Ingestion: BYTES → chunks with vectors.

Flow: ``load`` (path → Source) → ``parse`` (Source → Document) → ``chunk`` → ``embed``.
``pipeline.prepare`` runs parse, chunk and embed and hands back a ``Prepared``, which storage publishes
as one version.

A file is read in a throw-away process, because a hostile one can end or fill any process. ``worker`` asks
``launch`` for it, which lets ``zygote`` fork it; ``exchange`` listens to it and ``reply`` checks what it
says. Inside, ``parser_process`` sets the limits, ``confine`` and ``syscalls`` take away what reading does
not need, and the module that ``readers`` names for the kind of file makes text, blocks, pages and boxes of
the bytes, which ``wire`` sends back. For PDFs that is ``pdf``, which leads from ``pdfium`` (characters,
boxes; or ``pypdf_reader`` where PDFium refuses) through ``words``, ``lines``, ``running``, ``headings`` and
``paragraphs``. The text of Markdown and plain text is the decoded file without invisible characters, so
each chunk is a word-for-word slice. Only ``pdfium`` imports pypdfium2, only ``pypdf_reader`` imports pypdf,
and no reader is imported by the parent.

Office files are first made fit to be read by ``package`` (bounded, XML only, no way out); ``word``,
``slides`` and ``sheets`` then read them, ``web_page`` reads HTML and ``table_text`` CSV. All five build their
text with ``blocks``. What a file is, is told by ``load`` and, for ZIP and OLE2, ``containers``.

Reading order: types, pipeline, load, parse, markdown, chunk, split, tokens; then worker, parser_process,
readers, pdf.
"""
