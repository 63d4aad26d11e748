"""Tokens for programs: requests that carry one, and the page on which users manage theirs."""
