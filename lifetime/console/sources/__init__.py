"""Where commands come from: each source is a file."""
