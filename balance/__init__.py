"""Prepaid money: pure rules about balances, ledger entries and statements."""
