"""What people order about payments: the desk by name, holders through mailed links."""
