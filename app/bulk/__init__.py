"""Bulk ingestion: many files read, cut and embedded on Ray Data, taken in by the process that owns the data.

Flow: ``engine`` (the owner) asks the jobs which files are unread; ``ray_driver`` starts ``ray_data`` in a
process of its own. That runs ``reading`` and ``embedding`` on Ray's workers, which call the functions that
jobs call here. A file's ``Parcel`` (``parcels``) goes the whole way and comes back to the owner, who stages,
indexes and publishes it as a job.

Reading order: parcels, terms, reading, embedding, ray_data, ray_driver, engine.
"""
