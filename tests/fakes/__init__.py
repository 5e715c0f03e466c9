"""In-memory stand-ins for the ports; each passes the contract suite of the real thing."""
