"""The numbers of one evaluation (`results`), and the page that shows them (`page`).

In: true classes, probabilities, names. Out: `Results`, as JSON, as lines, as one HTML file.
"""
