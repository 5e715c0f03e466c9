"""rtbill against a real mail server."""
