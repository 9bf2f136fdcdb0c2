"""A folder or a table of labelled pictures in; a ``Manifest``, splits and findings out."""
