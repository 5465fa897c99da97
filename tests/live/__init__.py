"""Real processes, real signals: what a server does when it is told to stop."""
