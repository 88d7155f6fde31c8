"""Care of the data directory: find what is wrong, repair it, rebuild indexes, back up, restore.

``inspection`` finds (``findings`` says what that is and what helps), ``repair`` mends, ``rebuild`` builds
indexes beside the old ones, ``backup`` and ``restore`` write and read archives (``archive`` is their format),
``questions`` shows that a restored directory answers as the old one did. ``care`` is the way in.
"""
