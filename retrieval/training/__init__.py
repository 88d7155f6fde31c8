"""How ``data/starter`` is made: ``python -m retrieval.training TRAIN_FOLDER``. The product does not run it.

Flow: ``sources`` (files → pairs of texts) → ``vocabulary`` (pairs → tokens) → ``groups`` (pairs → token
ids) → ``translations`` (IBM Model 1) and ``vectors`` (contrastive training) → ``export`` (the files that
``starter_table`` reads). ``make`` ties them together. Needs the extra ``train``.
"""
