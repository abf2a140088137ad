"""Standards: what every version must meet before it goes to an environment, and why."""
