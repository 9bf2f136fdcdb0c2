"""What people use today, each a script of its own, as its documentation shows it.

In: one JSON object on standard input (``task.Task``). Out: one JSON object on the last line.
Nothing here imports headstart.
"""
