"""How principals prove themselves: secrets, certificates, tokens of issuers that are trusted."""
