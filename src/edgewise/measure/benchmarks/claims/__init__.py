"""What edgewise claims, on made and on real tables, and whether it is true."""
