"""What `benchmarks/panel.py` is made of: datasets in, one JSON line a cell out, tables of these."""
