"""The one database of register and service: SQLite or PostgreSQL, by URL."""
