"""The release log: append-only, in the C2SP formats, checked by whoever likes to."""
