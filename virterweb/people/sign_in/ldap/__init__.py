"""Sign-in with passwords of an LDAP directory, which a file configures; needs requirements-ldap.txt."""
