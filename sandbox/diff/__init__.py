"""`fleet diff`: what a change of the code would do, by the real engine in an embedded account."""
