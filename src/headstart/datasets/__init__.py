"""A folder or a table of labelled pictures goes in; a ``Manifest``, splits and findings come out."""
