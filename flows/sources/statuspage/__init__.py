"""Official status pages: what they say, in every wording, with when we saw it.

The parsers (one file a family) are pure: bytes in, incidents out. ``notice.py`` makes revisions of them, ``poll.py``
fetches. **An incident that is no longer listed is not over**: nothing is said of it, so that what was last seen
stands.
"""

from flows.sources.statuspage.account import Account, account_revisions
from flows.sources.statuspage.notice import Parsed
from flows.sources.statuspage.page import Page, pages_of
from flows.sources.statuspage.poll import Polled, StatusPages
from flows.sources.statuspage.read import endpoints, parse

__all__ = [
    "Account",
    "Page",
    "Parsed",
    "Polled",
    "StatusPages",
    "account_revisions",
    "endpoints",
    "pages_of",
    "parse",
]
