"""Who may be believed: the agency directory, trust lists, chains and time-stamps."""
