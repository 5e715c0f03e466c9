"""Pure values of the trade: no I/O, no clock, no third-party import."""
