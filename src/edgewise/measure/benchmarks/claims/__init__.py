"""Claims on made cases with known truth, and how many are wrong."""
