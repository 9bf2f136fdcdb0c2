"""Bytes of a file in, upright RGB pixels out: the one road that every door takes.

`decode` turns bytes into a `Picture` or says why it cannot, `preprocessing` cuts the network's
input out of it, `perceptual_hash` says which pictures look alike. `decode` alone knows Pillow.
"""
