"""The web pages: what they show of a report, as markup and pictures. Reads no clock and no network."""
