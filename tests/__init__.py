"""Tests of rtbill, from pure functions to real servers."""
