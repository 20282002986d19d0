"""Any flat file of leads, opportunities or customers: split, tuned, blended, calibrated and reported."""
