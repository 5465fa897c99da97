"""The operator's console; its acceptance tests C1 to C14 are named in the docstrings."""
