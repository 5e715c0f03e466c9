"""Files that people and exchanges write, one to a module: text in, values or problems out."""
