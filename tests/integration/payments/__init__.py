"""The payment gateways against servers that others wrote."""
