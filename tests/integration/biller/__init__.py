"""The whole service as a process of its own, killed, starved and restarted."""
