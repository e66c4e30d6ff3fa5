"""Runs commands of the command line in processes that begin warm, and kills them when it is told to.

``python -m tests.flows.cli.forker`` reads lines like ``{"argv": [...], "kill_after_s": 0.3}`` and answers each with
``{"code": ..., "took_s": ...}``. All is loaded and compiled before the fork, so that a kill hits the work itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from flows.cli import run


def main() -> None:
    """Warm up with the first command, then fork for each of the others."""
    first = json.loads(sys.stdin.readline())
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.write(answers, json.dumps({"code": run(first["argv"]), "took_s": 0.0}).encode() + b"\n")
    for line in sys.stdin:
        os.write(answers, json.dumps(_fork(**json.loads(line))).encode() + b"\n")


def _fork(argv: list[str], kill_after_s: float | None = None) -> dict[str, float]:
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = run(argv)
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)  # noqa: TID251 - the moment is what is tested
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "took_s": time.perf_counter() - begin}


if __name__ == "__main__":
    main()
