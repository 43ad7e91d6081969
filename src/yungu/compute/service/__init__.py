"""What changes rows of compute."""

from yungu.compute.service.asking import (
    PREDICTOR as PREDICTOR,
    SCORER as SCORER,
    ask_batch as ask_batch,
    ask_evaluation as ask_evaluation,
    ask_task as ask_task,
)
from yungu.compute.service.deployments import (
    change_deployment as change_deployment,
    deploy as deploy,
    deploy_upstream as deploy_upstream,
    read_content as read_content,
    remove_deployment as remove_deployment,
    switch_deployment as switch_deployment,
    upstream_key as upstream_key,
)
from yungu.compute.service.jobs import cancel_job as cancel_job, clear_job as clear_job, clear_jobs as clear_jobs
from yungu.compute.service.usage import (
    begin_call as begin_call,
    end_call as end_call,
    end_job_call as end_job_call,
    ticket_of as ticket_of,
)
