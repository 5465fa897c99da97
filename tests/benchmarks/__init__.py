"""What a request costs, side by side with other servers.  Benchmarks, not tests."""
