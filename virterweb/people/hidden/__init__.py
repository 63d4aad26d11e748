"""What a user may not see: names, stored messages and marks without it."""
