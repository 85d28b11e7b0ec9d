"""The outside world behind protocols: clock, settings, set-up of a verifier."""
