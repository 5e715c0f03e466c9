"""Tests of what is compared and how."""
