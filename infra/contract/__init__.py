"""What every package agrees on: outputs, names, versions, prices. Plain data on the standard library."""
