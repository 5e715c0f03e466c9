"""From what an exchange tells to finished calls; pure."""
