"""Markets, the optimum known in hindsight, rivals, and ours through `punnet simulate`."""
