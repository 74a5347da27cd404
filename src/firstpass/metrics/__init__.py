"""How good and how dear: matching, average precision, calibration, seconds of expert time, thresholds."""
