"""Just-in-time elevation: a role that is asked for, given by somebody else, and ends by itself."""
