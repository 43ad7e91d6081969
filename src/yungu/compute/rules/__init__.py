"""What compute decides from values alone."""

from yungu.compute.rules.prices import cost as cost
