"""What people get to see of a run: its story, its chart, a test to paste, what it has reached."""
