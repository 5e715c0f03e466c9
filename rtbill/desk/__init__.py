"""What people at the desk order about accounts, extensions, tariffs, price plans and bundles."""
