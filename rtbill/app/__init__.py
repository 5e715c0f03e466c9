"""The composition root: the only package that names concrete exchanges, stores and ways out."""
