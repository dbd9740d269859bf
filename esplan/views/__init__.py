"""What people and pipelines read: the only modules that render. `cli.py` prints the result."""
