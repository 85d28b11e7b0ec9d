"""Releases of agencies: what was stated about them, and the log that nobody can rewrite."""
