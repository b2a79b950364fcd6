"""OAuth without I/O: requests are built as values and answers are read as values, with the standard library alone."""
