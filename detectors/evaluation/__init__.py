"""What the rest is judged with: the simulator, ground truth, scoring. Nothing in here is imported by the rest."""
