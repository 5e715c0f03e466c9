"""Control of credit: may a call begin, what is held for it, how long may it talk."""
