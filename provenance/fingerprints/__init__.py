"""Soft bindings and resemblance: what a picture, clip or track looks and sounds like."""
