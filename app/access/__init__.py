"""Who asks, and what he may: users, groups, keys and grants, and the one function that decides."""
