"""The command line: parses arguments, draws progress, prints results. Nothing else."""
