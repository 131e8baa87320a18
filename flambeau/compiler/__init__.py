"""From a recorded trace to a plan: what is computed together, in which order, and where it lies in memory."""
