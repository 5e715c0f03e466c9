"""Tests against a real Asterisk, unpacked from Debian packages and run without root."""
