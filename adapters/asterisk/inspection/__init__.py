"""What `rtbill check-pbx` asks an Asterisk, and how it judges the answers.

exchange_inspection.py and call_watch.py are the ways in. `..._inspection` modules ask, over the
session of inquiry.py; reachability.py knocks on doors; everything else judges what was told.
"""
