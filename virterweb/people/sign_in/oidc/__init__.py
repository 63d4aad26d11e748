"""Sign-in by OpenID Connect providers, which a file configures."""
