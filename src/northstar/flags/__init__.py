"""Feature flags: who gets which variant, decided the same way by every SDK of the schema."""
