"""What is usual: the time-of-week profile of a series, and the bound above which a bin is unusual by itself."""
