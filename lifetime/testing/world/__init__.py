"""A simulated world: clocks, sockets, threads and clients in memory, and the real loop in it."""
