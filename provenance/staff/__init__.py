"""Who of the staff may sign in, how they prove who they are, and for how long that holds.

An account is a name in records, never a person's name. Its holder signs in with a password
and a second factor, with a passkey, or through the operator's own identity provider; what
they may do is decided by their roles, here, and never by what a provider says unless the
operator maps it. Nothing that would open a door is kept as it was told: passwords are
argon2id hashes, tokens their SHA-256, secrets of time-based codes are encrypted with the
operator's key.

`sign_in` is the one door; the other modules each know one thing it asks.
"""
