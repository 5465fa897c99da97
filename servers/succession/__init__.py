"""From one process to the next: sockets that were there before us, and who serves on after us."""
