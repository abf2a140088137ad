"""Model versions: what was registered, with which evidence, and where it came from."""
