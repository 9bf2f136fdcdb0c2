"""Which way the road is walked: where the data lies, what may pay, and what proved to.

In: statistics, features, out-of-fold scores. Out: a `Matrix` (size, similarity, fitness, what the
books advise, what to expect) and a `Climb` (every rung that was tried, with its paired proof).
"""
