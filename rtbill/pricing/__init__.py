"""Who pays a call and what it costs: from a finished call to a row for the books; pure."""
