"""Programs of others, on our engine: their own test-suites, and themselves at work."""
