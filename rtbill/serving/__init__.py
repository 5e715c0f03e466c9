"""Listeners: the question before dialling, orders to the service, the stream of live calls."""
