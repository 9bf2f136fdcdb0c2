"""Features: computed once, kept by content.

In: files and a backbone. Out: a `FeatureSet`. Every picture goes through the backbone once; after
that its features are found by the digest of its bytes, in whatever dataset it turns up.
"""
