"""Dispatchers, servers and loops that are right, and such that are wrong on purpose."""
