"""Telling people: messages, where they go, and what is held back."""
