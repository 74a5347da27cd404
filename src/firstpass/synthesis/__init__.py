"""Made-up data: procedural shop shelves (:mod:`firstpass.synthesis.scenes`)."""
