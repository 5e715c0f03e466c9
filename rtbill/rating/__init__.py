"""What a call costs. Pure: no clock, no I/O, whole micro-units throughout."""
