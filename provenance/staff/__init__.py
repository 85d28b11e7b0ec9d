"""The people who work at the service: accounts, roles, how they sign in, their sessions."""
