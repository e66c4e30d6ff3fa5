"""A small world for the live pipeline: services people complain about, platforms that show it, and bad weather."""
