"""Users of the portal, and sign-in."""
