"""Endpoints: the data plane that answers, and the control plane's side of it."""
