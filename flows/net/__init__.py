"""The network, once: a clock that can be replaced, one retry layer, bounded and timed requests, named errors.

Every platform client goes through here, so that each of them waits, gives up and explains itself in the same way.
"""

from flows.net.bodies import decode_json
from flows.net.clock import SYSTEM_CLOCK, Clock, utc_now
from flows.net.errors import check_status, retry_at_from
from flows.net.guard import Allow, Guard, checked_address
from flows.net.http import Answer, Http
from flows.net.retry import Retry
from flows.net.transport import guarded_http
from flows.net.workers import workers

__all__ = [
    "SYSTEM_CLOCK",
    "Allow",
    "Answer",
    "Clock",
    "Guard",
    "Http",
    "Retry",
    "check_status",
    "checked_address",
    "decode_json",
    "guarded_http",
    "retry_at_from",
    "utc_now",
    "workers",
]
