"""The people who use the portal, and how they sign in."""
