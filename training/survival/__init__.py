"""When an account is lost, not only whether: a discrete-time hazard over the coming weeks.

An outcome says what a loss is (``follow_up``); every account and moment becomes one row for each week ahead
that it was seen at risk (``periods``); boosted trees learn the chance of a loss in that week (``hazard``);
``training.bundle.hazard`` turns it into a curve; ``measures``, ``baselines`` and ``warning`` say how good
it is.
"""
