"""Pictures of a folder into a folder for each class, by a saved classifier, and back again.

In: a classifier, a folder, a place. Out: the pictures there, the place's journal (which makes it
resumable and can be undone) and tables of what went where.
"""
