"""The pages, by address. Repo pages exist twice: a model's address has no prefix, a dataset's and a space's has."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.web import assets, matching_routes, scenario_routes
from yungu.api.web.errors import render_error
from yungu.api.web.views import (
    access,
    admin,
    admin_audit,
    admin_credits,
    admin_jobs,
    admin_people,
    admin_storage,
    collections,
    deployments,
    discussions,
    edit,
    files,
    history,
    home,
    invitations,
    jobs,
    lists,
    manage,
    notifications,
    openid,
    organizations,
    owners,
    people,
    pilots,
    playground,
    policies,
    repos,
    search,
    settings,
    upload,
    viewer,
    wallet,
    webhooks,
)

routes = Routes(on_error=render_error)


def _of_repo(path: str = "") -> tuple[str, str]:
    return "/{kinds}/{owner}/{name}" + path, "/{owner}/{name}" + path


routes.get("/")(home.get_home)
routes.get("/search")(search.get_search)
routes.get("/search/proposals")(search.get_proposals)
routes.get("/healthz")(home.get_health)
routes.post("/theme")(home.post_theme)
routes.get("/theme")(repos.get_parent)
routes.get("/static/{path*}")(assets.get_static)
routes.get("/{kinds}")(lists.get_list)

routes.get("/login")(people.get_login)
routes.post("/login")(people.post_login)
routes.post("/logout")(people.post_logout)
routes.get("/login/reset")(people.get_reset)
routes.post("/login/reset")(people.post_reset)
routes.get("/login/openid")(openid.get_begin)
routes.get("/login/openid/callback")(openid.get_callback)
routes.get("/login/openid/new")(openid.get_new)
routes.post("/login/openid/new")(openid.post_new)
routes.post("/login/openid/new/link")(openid.post_link)
routes.get("/login/openid/new/link")(repos.get_parent)
routes.get("/settings/identities")(openid.get_identities)
routes.post("/settings/identities/unlink")(openid.post_unlink)
routes.get("/settings/identities/unlink")(repos.get_parent)
routes.get("/join")(people.get_join)
routes.post("/join")(people.post_join)

routes.get("/settings", "/settings/profile")(settings.get_profile)
routes.post("/settings/profile")(settings.post_profile)
routes.post("/settings/password")(settings.post_password)
routes.get("/notifications")(notifications.get_notifications)
routes.post("/notifications/read")(notifications.post_read)
routes.get("/notifications/read")(repos.get_parent)
routes.get("/settings/webhooks")(webhooks.get_webhooks)
routes.post("/settings/webhooks")(webhooks.post_webhook)
routes.get("/settings/webhooks/{webhook}")(webhooks.get_webhook)
routes.post("/settings/webhooks/{webhook}")(webhooks.post_change)
routes.get("/settings/tokens")(settings.get_tokens)
routes.post("/settings/tokens")(settings.post_token)
routes.post("/settings/tokens/revoke")(settings.post_revoke)

routes.get("/organizations/new")(organizations.get_new)
routes.post("/organizations/new")(organizations.post_new)
routes.get("/organizations/{owner}/settings")(organizations.get_settings)
routes.post("/organizations/{owner}/settings")(organizations.post_settings)
routes.get("/organizations/{owner}/members")(organizations.get_members)
routes.post("/organizations/{owner}/members")(organizations.post_member)
routes.post("/organizations/{owner}/members/remove")(organizations.post_remove)

routes.get("/new")(manage.get_new)
routes.post("/new")(manage.post_new)
routes.get(*_of_repo("/settings"))(manage.get_settings)
routes.post(*_of_repo("/settings"))(manage.post_settings)
routes.post(*_of_repo("/settings/move"))(manage.post_move)
routes.post(*_of_repo("/settings/delete"))(manage.post_delete)

routes.get(*_of_repo("/new/{rev}"), *_of_repo("/new/{rev}/{path*}"))(edit.get_new)
routes.post(*_of_repo("/new/{rev}"), *_of_repo("/new/{rev}/{path*}"), max_body=edit.MAX_FORM_BYTES)(edit.post_new)
routes.get(*_of_repo("/edit/{rev}/{path*}"))(edit.get_edit)
routes.post(*_of_repo("/edit/{rev}/{path*}"), max_body=edit.MAX_FORM_BYTES)(edit.post_edit)
routes.get(*_of_repo("/delete/{rev}/{path*}"))(edit.get_delete)
routes.post(*_of_repo("/delete/{rev}/{path*}"))(edit.post_delete)
routes.get(*_of_repo("/upload/{rev}"), *_of_repo("/upload/{rev}/{path*}"))(upload.get_upload)
routes.post(*_of_repo("/upload/{rev}"), *_of_repo("/upload/{rev}/{path*}"))(upload.post_upload)
routes.post(*_of_repo("/uploads"), writes=False)(upload.post_plan)
routes.put(*_of_repo("/uploads"))(upload.put_part)
routes.post(*_of_repo("/uploads/complete"))(upload.post_complete)

routes.get("/settings/password", "/settings/tokens/revoke", "/organizations/{owner}/members/remove")(repos.get_parent)
routes.get(*_of_repo("/settings/move"), *_of_repo("/settings/delete"))(repos.get_parent)

routes.get("/collections")(collections.get_list)
routes.get("/collections/new")(collections.get_new)
routes.post("/collections/new")(collections.post_new)
routes.get("/collections/{owner}/{slug}")(collections.get_collection)
routes.post("/collections/{owner}/{slug}")(collections.post_change)
routes.get(*_of_repo("/collect"))(collections.get_collect)
routes.post(*_of_repo("/collect"))(collections.post_collect)
routes.post(*_of_repo("/access"))(access.post_ask)
routes.get(*_of_repo("/access"))(repos.get_parent)
routes.get(*_of_repo("/settings/access"))(access.get_requests)
routes.post(*_of_repo("/settings/access"))(access.post_decision)
routes.post(*_of_repo("/like"))(repos.post_like)
routes.get(*_of_repo("/like"))(repos.get_parent)
routes.get(*_of_repo("/discussions"))(discussions.get_list)
routes.get(*_of_repo("/discussions/new"))(discussions.get_new)
routes.post(*_of_repo("/discussions/new"))(discussions.post_new)
routes.get(*_of_repo("/discussions/{number}"))(discussions.get_discussion)
routes.post(*_of_repo("/discussions/{number}/comment"))(discussions.post_comment)
routes.post(*_of_repo("/discussions/{number}/edit"))(discussions.post_edit)
routes.post(*_of_repo("/discussions/{number}/title"))(discussions.post_title)
routes.post(*_of_repo("/discussions/{number}/review"))(discussions.post_review)
routes.post(*_of_repo("/discussions/{number}/merge"))(discussions.post_merge)
routes.post(*_of_repo("/discussions/{number}/mute"))(discussions.post_mute)
for _verb in ("comment", "edit", "title", "review", "merge", "mute"):
    routes.get(*_of_repo("/discussions/{number}/" + _verb))(repos.get_parent)

routes.get("/organizations/{owner}/invitations")(invitations.get_own)
routes.post("/organizations/{owner}/invitations")(invitations.post_own)
routes.post("/organizations/{owner}/invitations/revoke")(invitations.post_own_revoke)
routes.get("/organizations/{owner}/invitations/revoke")(repos.get_parent)

routes.get("/-/admin")(admin.get_home)
routes.get("/-/admin/users")(admin_people.get_users)
routes.get("/-/admin/organizations")(admin_people.get_organizations)
routes.get("/-/admin/owners/{owner}")(admin_people.get_owner)
for _verb, _handler in {
    "suspend": admin_people.post_suspend,
    "unsuspend": admin_people.post_unsuspend,
    "promote": admin_people.post_promote,
    "demote": admin_people.post_demote,
    "sign-out": admin_people.post_sign_out,
    "reset": admin_people.post_reset,
    "delete": admin_people.post_delete,
    "quota": admin_storage.post_quota,
}.items():
    routes.post(f"/-/admin/owners/{{owner}}/{_verb}")(_handler)
    routes.get(f"/-/admin/owners/{{owner}}/{_verb}")(repos.get_parent)
routes.get("/-/admin/storage")(admin_storage.get_storage)
routes.post("/-/admin/storage")(admin_storage.post_defaults)
routes.get("/-/admin/jobs")(admin_jobs.get_jobs)
routes.post("/-/admin/jobs")(admin_jobs.post_job)
routes.get("/-/admin/jobs/{number}")(admin_jobs.get_job)
routes.post("/-/admin/jobs/{number}/cancel")(admin_jobs.post_cancel)
routes.get("/-/admin/jobs/{number}/cancel")(repos.get_parent)
routes.get("/-/admin/invitations")(invitations.get_all)
routes.post("/-/admin/invitations")(invitations.post_all)
routes.post("/-/admin/invitations/revoke")(invitations.post_all_revoke)
routes.get("/-/admin/invitations/revoke")(repos.get_parent)
routes.get("/-/admin/audit")(admin_audit.get_audit)
routes.get("/-/admin/audit.csv")(admin_audit.get_export)

routes.get("/-/admin/credits")(admin_credits.get_credits)
routes.get("/-/admin/credits/grant")(admin_credits.get_grant)
routes.post("/-/admin/credits/grant")(admin_credits.post_grant)
routes.get("/-/admin/credits/vouchers")(admin_credits.get_vouchers)
routes.get("/-/admin/credits/vouchers/{number}")(admin_credits.get_voucher)
routes.post("/-/admin/credits/vouchers/{number}/claw-back")(admin_credits.post_claw_back)
routes.get("/-/admin/credits/vouchers/{number}/claw-back")(repos.get_parent)
routes.get("/-/admin/credits/audit")(admin_credits.get_audit)
routes.get("/-/admin/credits/books.beancount")(admin_credits.get_books)
for _verb, _handler in {
    "fund": admin_credits.post_fund,
    "cash": admin_credits.post_cash,
    "claim": admin_credits.post_claim,
    "pay": admin_credits.post_pay,
}.items():
    routes.post(f"/-/admin/credits/{_verb}")(_handler)
    routes.get(f"/-/admin/credits/{_verb}")(repos.get_parent)

routes.get("/-/deployments")(deployments.get_list)
routes.get("/-/deployments/new")(deployments.get_new)
routes.post("/-/deployments/new")(deployments.post_new)
routes.get("/-/deployments/upstream")(deployments.get_upstream)
routes.post("/-/deployments/upstream")(deployments.post_upstream)
routes.get("/-/deployments/{namespace}/{model}")(deployments.get_deployment)
for _verb, _handler in {
    "switch": deployments.post_switch,
    "change": deployments.post_change,
    "remove": deployments.post_remove,
}.items():
    routes.post(f"/-/deployments/{{namespace}}/{{model}}/{_verb}")(_handler)
    routes.get(f"/-/deployments/{{namespace}}/{{model}}/{_verb}")(repos.get_parent)
routes.get("/-/jobs")(jobs.get_jobs)
routes.get("/-/jobs/new")(jobs.get_new)
routes.post("/-/jobs/new")(jobs.post_new)
routes.get("/-/jobs/{number}")(jobs.get_job)
routes.get("/-/jobs/{number}/result.jsonl")(jobs.get_result)
routes.post("/-/jobs/{number}/cancel")(jobs.post_cancel)
routes.post("/-/jobs/{number}/delete")(jobs.post_delete)
routes.get("/-/jobs/{number}/cancel", "/-/jobs/{number}/delete")(repos.get_parent)
routes.get("/-/playground/{namespace}/{model}")(playground.get_playground)
routes.post("/-/playground/{namespace}/{model}")(playground.post_playground)
routes.get("/-/receipts")(playground.get_receipt_of)

routes.get("/-/credits", "/-/credits/{owner}")(wallet.get_wallet)
routes.get("/-/credits/{owner}/receipts")(wallet.get_receipts)
routes.get("/-/credits/{owner}/calls.csv")(wallet.get_export)
routes.get("/-/cases")(pilots.get_cases)
routes.get("/-/pilots")(pilots.get_list)
routes.post("/-/pilots")(pilots.post_new)
routes.get("/-/pilots/{code}")(pilots.get_pilot)
routes.get("/-/pilots/{code}/terms")(pilots.get_terms)
routes.post("/-/pilots/{code}/terms")(pilots.post_terms)
routes.post("/-/pilots/{code}/steps")(pilots.post_step)
routes.get("/-/receipts/{number}")(wallet.get_receipt)
routes.get("/-/policies")(policies.get_policies)
routes.get("/-/policies/{policy}")(policies.get_policy)

scenario_routes.add(routes)
matching_routes.add(routes)

routes.get("/{owner}")(owners.get_owner)
routes.get("/users/{owner}/follow")(owners.get_followed)
routes.post("/users/{owner}/follow")(owners.post_follow)
routes.get(*_of_repo())(repos.get_repo)
routes.get("/models/{owner}/{name}")(repos.get_plain_models)
routes.get(*_of_repo("/tree/{rev}"), *_of_repo("/tree/{rev}/{path*}"))(files.get_tree)
routes.get(*_of_repo("/blob/{rev}/{path*}"))(viewer.get_blob)
routes.get(*_of_repo("/viewer"))(viewer.get_viewer)
routes.get(*_of_repo("/viewer/picture"))(viewer.get_picture)
routes.get(*_of_repo("/viewer/first"))(viewer.get_first)
routes.get(*_of_repo("/commits/{rev}"))(history.get_commits)
routes.get(*_of_repo("/commit/{rev}"))(history.get_commit)
routes.post(*_of_repo("/commit/{rev}/revert"))(history.post_revert)
routes.get(*_of_repo("/commit/{rev}/revert"))(repos.get_parent)
routes.get(*_of_repo("/compare"))(history.get_compare_choice)
routes.get(*_of_repo("/compare/{spec}"))(history.get_compare)
routes.get(*_of_repo("/kin"))(repos.get_kin)
routes.get(*_of_repo("/notebook/{rev}/{path*}"))(files.get_notebook_picture)
