"""Posts to reports: service names and cue words found in whole batches at once."""

from detectors.matching.reader import Reader, Reading, read_post

__all__ = ["Reader", "Reading", "read_post"]
