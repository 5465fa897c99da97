"""Front ends are told, and a rolling restart loses nothing."""
