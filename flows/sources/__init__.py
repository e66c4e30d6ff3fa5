"""Where posts come from; one platform a file. See :mod:`flows.sources.base` for what a source is."""
