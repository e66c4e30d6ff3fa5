"""What ``make test`` runs: every test, the compiled code once more as plain Python, and the coverage gates.

Coverage cannot see into code that numba has compiled, so the tests of the compiled parts run a second time with the
compiler off; the gates then judge both runs together.
"""

from __future__ import annotations

import os
import subprocess
import sys

GATES = {"detectors": 95, "flows": 90}
# One more than the cores of a small machine: many tests wait for servers, or for somebody to be killed.
WORKERS = os.environ.get("UPROAR_TEST_WORKERS", "3")
COMPILED = (
    "tests/detectors/spikes/test_kernel_plain.py",
    "tests/detectors/spikes/test_mixing_plain.py",
    "tests/detectors/spikes/peers",
    "tests/detectors/baselines/test_regional.py",
)


def main() -> int:
    """Run all of it; the exit code is that of the first part that failed."""
    _run("coverage", "erase")
    everything = _pytest("-n", WORKERS, "--dist", "loadgroup", "--doctest-modules", "detectors", "flows", "tests")
    plain = _pytest("-n", WORKERS, *COMPILED, environ={"NUMBA_DISABLE_JIT": "1"})
    _run("coverage", "combine", "--quiet")
    gates = [
        _run("coverage", "report", f"--include={package}/*", f"--fail-under={share}", "--precision=1")
        for package, share in GATES.items()
    ]
    return next((code for code in (everything, plain, *gates) if code), 0)


def _pytest(*arguments: str, environ: dict[str, str] | None = None) -> int:
    return _run("pytest", "--cov", "--cov-report=", "--cov-append", *arguments, environ=environ)


def _run(module: str, *arguments: str, environ: dict[str, str] | None = None) -> int:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=False, env=os.environ | (environ or {})).returncode


if __name__ == "__main__":
    sys.exit(main())
