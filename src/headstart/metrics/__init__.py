"""Arrays in, numbers out: how good the answers are, and how sure one can be of that.

``y`` and ``predicted`` are class indices int64 [N], ``p`` probabilities float [N, C], ``correct``
bool [N], ``groups`` one value per row [N]. Every function wants at least one row.
"""
