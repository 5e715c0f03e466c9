"""Many calls on one balance, on the real store."""
