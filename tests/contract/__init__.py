"""One suite per port, run against every implementation and against the fake."""
