"""medusa's thread package: handlers whose work is done by threads.

`servers.workers` is today's way to that end; these are the old names.
"""
