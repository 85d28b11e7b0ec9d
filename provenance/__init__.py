"""Verify signed provenance on official agency media."""
