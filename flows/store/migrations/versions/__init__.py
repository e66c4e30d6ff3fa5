"""One file a version of the store; the files, once released, do not change."""
