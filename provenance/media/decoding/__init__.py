"""Decoding of untrusted media: bounded, and for looking at only."""
