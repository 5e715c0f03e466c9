"""The whole biller against the whole simulated exchange, on one seed and in virtual time."""
