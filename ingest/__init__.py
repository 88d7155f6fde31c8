"""Ingestion: BYTES → chunks with vectors.

Flow: ``load`` (path → Source) → ``parse`` (Source → Document) → ``chunk`` → ``embed``.
``pipeline.prepare`` runs parse, chunk and embed and hands back a ``Prepared``, which storage publishes
as one version.

A file is read in a throw-away process, because a hostile one can end or fill any process. ``worker`` asks
``launch`` for it, which lets ``zygote`` fork it; ``exchange`` listens to it and ``reply`` checks what it
says. Inside, ``parser_process`` sets the limits, ``confine`` and ``syscalls`` take away what reading does
not need, and the module that ``readers`` names for the kind of file makes text, blocks, pages and boxes of
the bytes, which ``wire`` sends back. The text of Markdown and plain text is the decoded file without
invisible characters, so each chunk is a word-for-word slice. No reader is imported by the parent.

For PDFs the reader is ``pdf``. ``pdfium`` opens the file, and ``pdfium_text``, ``pdfium_objects`` and
``pdfium_forms`` read a ``page`` of it: runs of characters become ``words``, those become ``lines``, with
tables found by their rules (``ruled``) or by the gaps they leave (``unruled``); ``pdf_pages`` notes what is
wrong with pages, ``running``, ``headings`` and ``paragraphs`` make text of lines. ``pdf_fallback`` reads
what PDFium refuses. Where pages have no text and the extra is installed, ``scans`` (in the parent) has the
file read again by ``pdf_ocr``: ``scanned`` renders those pages, ``ocr`` recognises their lines and
``columns`` puts them in order; from there on they go the same way. Only ``pdfium*`` import pypdfium2, only
``pypdf_reader`` pypdf, only ``ocr`` rapidocr. ``locate`` finds the rectangles of a chunk.

Office files are first made fit to be read by ``package`` (bounded, XML only, no way out); ``word``,
``slides`` and ``sheets`` then read them, ``web_page`` reads HTML and ``table_text`` CSV. All five build their
text with ``blocks``. What a file is, is told by ``load`` and, for ZIP and OLE2, ``containers``.

Reading order: types, pipeline, load, parse, markdown, chunk, split, tokens; then worker, parser_process,
readers, pdf.
"""
