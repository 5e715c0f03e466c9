"""rtbill: real-time call billing beside a telephone exchange."""

__version__ = "0.1.0"
