"""Every SELECT of compute."""

from yungu.compute.queries.anatomy import find_anatomy as find_anatomy
from yungu.compute.queries.deployments import (
    callable_deployment as callable_deployment,
    find_deployment as find_deployment,
    get_deployment as get_deployment,
    list_by_number as list_by_number,
    list_deployments as list_deployments,
    list_kept_warm as list_kept_warm,
    ruled_deployment as ruled_deployment,
    visible_deployment as visible_deployment,
)
from yungu.compute.queries.earnings import (
    count_calls_by_day as count_calls_by_day,
    find_call_of_request as find_call_of_request,
)
from yungu.compute.queries.jobs import (
    find_job as find_job,
    find_latest_task as find_latest_task,
    get_job as get_job,
    get_open_job as get_open_job,
    list_ended as list_ended,
    list_jobs as list_jobs,
    list_paid_jobs as list_paid_jobs,
    list_results as list_results,
)
from yungu.compute.queries.records import (
    drop_job_files as drop_job_files,
    iter_answers as iter_answers,
    iter_items as iter_items,
    iter_log as iter_log,
)
from yungu.compute.queries.usage import (
    find_call_of_hold as find_call_of_hold,
    get_call as get_call,
    get_receipt as get_receipt,
    list_calls as list_calls,
    list_wrong_receipts as list_wrong_receipts,
    sum_by_day as sum_by_day,
    sum_by_model as sum_by_model,
)
