"""What takes longer than `make test` allows: `make soak`, results in docs/measurements.md."""
