"""The gap inbox: questions answered badly or not at all, grouped, until somebody has closed them.

``taking`` says of a question that was asked whether it is a gap; ``grouping`` finds the gap it belongs to;
``collecting`` does both for whatever was asked since; ``inbox`` shows gaps to whoever manages the knowledge
bases behind them; ``rechecking`` asks again.
"""
