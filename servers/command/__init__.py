"""The command `lifetime`: main.py finds the subcommand, and each is a module of its own."""
