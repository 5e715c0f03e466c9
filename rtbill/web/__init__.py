"""Over HTTP, for machines of others: the API of an outside billing package."""
