"""The control plane: it assembles the domains and owns nothing of theirs."""
