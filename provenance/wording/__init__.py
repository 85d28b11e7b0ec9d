"""What a report says, in ten languages: one table of message keys, and the catalogues behind it."""
