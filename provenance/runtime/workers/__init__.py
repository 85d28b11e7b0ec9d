"""Processes that examine untrusted media, and may be killed."""
