"""``python -m headstart``: the command line."""

from headstart.cli.main import run

if __name__ == "__main__":
    run()
