"""A private MariaDB with the tables of FreePBX."""
