"""Reports to cells to count series; what was not observed is NaN, never 0.

A *cell* is what one source saw of one service in one bin. Cells are always computed from all the reports in
them, so the order of arrival, late posts and re-delivered posts cannot change a count.
"""

from __future__ import annotations

from detectors.counting.cells import Cell, CellKey, ReportRow, cells, micros
from detectors.counting.located import LocatedRow, Regions, located_cells
from detectors.counting.series import MIN_COVERAGE, build_series
from detectors.counting.spans import Stretch, coverage, first_difference, merge

__all__ = [
    "MIN_COVERAGE",
    "Cell",
    "CellKey",
    "LocatedRow",
    "Regions",
    "ReportRow",
    "Stretch",
    "build_series",
    "cells",
    "coverage",
    "first_difference",
    "located_cells",
    "merge",
    "micros",
]
