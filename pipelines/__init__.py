"""The composition root: wires the parts, runs jobs, is the command line. Business rules live elsewhere."""
