"""Rows and values of compute."""

from yungu.compute.models.deployments import (
    NO_PRICES as NO_PRICES,
    Deployment as Deployment,
    Place as Place,
    Prices as Prices,
    Target as Target,
    Usage as Usage,
    Wanted as Wanted,
    deployments as deployments,
)
