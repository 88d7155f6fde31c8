"""How the starter reranker's weights are made: ``python -m rerank.training SETS``.

``labelled`` reads questions with their right passages, ``examples`` finds candidates for them and counts the
features, ``fit`` fits a logistic regression and calibrates it. Only the choosing half of the evaluation sets
is read (see ``labelled.chosen``); the other half is for reporting.

Headings as questions for the passage below them (600 of shared/train beside the sets) made the order of the
sets worse (en_squad .91 to .88 MRR@10 on the choosing half): a heading names a passage, a question asks it.
"""
