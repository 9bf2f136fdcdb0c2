"""What cached features say about the data: arrays in, findings out; no picture is read again.

``label_issues`` ranks labels that look wrong, ``outliers`` pictures unlike the rest,
``near_copies`` pairs that are one picture to the network, ``learning_curve`` says what more
pictures would bring, ``leakage`` what copies on both sides of a split were worth. Rows are named
by their position.
"""
