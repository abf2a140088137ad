"""The endpoint's own processes: they answer requests and know nothing of the control plane."""
