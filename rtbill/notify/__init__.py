"""Ways out for notices."""
