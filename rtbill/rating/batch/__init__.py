"""Prices of many calls at once, in whole numbers of 64 bits: the same as one by one, for each call.

What 64 bits do not hold, and a call during which another band begins, is priced one by one.
"""
