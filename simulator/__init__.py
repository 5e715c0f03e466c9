"""Strangers that speak the real protocols: a telephone exchange, its calls and its faults.

No code of the biller.
"""
