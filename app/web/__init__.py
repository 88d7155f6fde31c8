"""The pages people see, and the headers every response carries.

``pages`` renders templates in the reader's language (``translate``), ``assets`` gives each static file an
address that changes with its bytes, ``headers`` is the wall around all of it. Read in that order.
"""
