"""What the converter does beyond its own fixers, in the form in which it finds them by name."""
