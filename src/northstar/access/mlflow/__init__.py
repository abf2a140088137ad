"""MLflow behind our door: its server, its routes with their actions, and what is protected."""
