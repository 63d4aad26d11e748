"""Pages about the signed-in user."""
