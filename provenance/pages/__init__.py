"""The web pages: what they show of a report, as markup and as pictures."""
