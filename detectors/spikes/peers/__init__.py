"""Published detectors behind our protocol, one file a method: what there is to be beaten.

Each is written from its paper, with the defaults that its authors or users publish, and tuned on nothing. What had to
be adapted, because papers count days or weeks and have no gaps, stands in the docstring of each. Common to all
(:mod:`.base`): bins that were not observed are left out of every sum and never count as 0; nothing is said before
12 observed hours; where a paper has one threshold, watch and page are the same; a score is the statistic over its
threshold, 0 where it is below usual.
"""
