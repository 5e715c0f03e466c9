"""The biller dies at each place where something leaves it: before, after, and with the reply lost.

Every commit and every call to the exchange is a numbered point. A first run of the script counts
them; then each is a death of its own, and the biller starts again on what is durable.
"""
