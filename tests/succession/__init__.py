"""Who serves next on a listening socket, and whether a stop fits into its time."""
