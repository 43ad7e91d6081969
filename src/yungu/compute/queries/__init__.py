"""Every SELECT of compute."""

from yungu.compute.queries.anatomy import find_anatomy as find_anatomy
from yungu.compute.queries.deployments import (
    callable_deployment as callable_deployment,
    find_deployment as find_deployment,
    get_deployment as get_deployment,
    list_deployments as list_deployments,
    list_kept_warm as list_kept_warm,
    ruled_deployment as ruled_deployment,
    visible_deployment as visible_deployment,
)
