"""Two records of the same calls, ours and somebody else's: what differs, and the money it means."""
