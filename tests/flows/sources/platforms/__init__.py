"""The platforms of the contract suite: one file each, with a loopback server that speaks its wire format.

A module here has ``PLATFORM``, a class as :class:`tests.flows.sources.harness.Platform` describes it.
"""
