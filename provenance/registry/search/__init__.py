"""Searching the register by what an asset looks and sounds like."""
