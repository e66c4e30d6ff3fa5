"""From scored series to incidents: when one began, whether it is over, and what became of it."""
