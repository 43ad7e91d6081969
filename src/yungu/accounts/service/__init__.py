"""Verbs of accounts: they change rows and record facts. Tokens, sessions and invitations are random 256-bit values of
which only a keyed digest (HMAC-SHA256 with the server's secret) is stored."""

from yungu.accounts.service.follows import follow_owner as follow_owner, unfollow_owner as unfollow_owner
from yungu.accounts.service.identities import (
    apply_groups as apply_groups,
    link_identity as link_identity,
    unlink_identity as unlink_identity,
    use_identity as use_identity,
)
from yungu.accounts.service.invitations import (
    INVITATION_LIFETIME as INVITATION_LIFETIME,
    accept_invitation as accept_invitation,
    create_invitation as create_invitation,
    open_invitation as open_invitation,
    revoke_invitation as revoke_invitation,
)
from yungu.accounts.service.owners import (
    add_member as add_member,
    create_organization as create_organization,
    create_user as create_user,
    delete_owner as delete_owner,
    make_administrator as make_administrator,
    remove_member as remove_member,
    suspend_user as suspend_user,
    unmake_administrator as unmake_administrator,
    unsuspend_user as unsuspend_user,
    update_owner as update_owner,
)
from yungu.accounts.service.passwords import (
    begin_reset as begin_reset,
    change_password as change_password,
    check_reset as check_reset,
    hash_password as hash_password,
    note_failure as note_failure,
    verify_password as verify_password,
)
from yungu.accounts.service.quotas import (
    reset_quota as reset_quota,
    set_default_quota as set_default_quota,
    set_quota as set_quota,
)
from yungu.accounts.service.sessions import (
    SESSION_LIFETIME as SESSION_LIFETIME,
    actor_for_user as actor_for_user,
    authenticate_session as authenticate_session,
    end_session as end_session,
    end_sessions as end_sessions,
    sign_in as sign_in,
    start_session as start_session,
)
from yungu.accounts.service.tokens import (
    actor_for_token as actor_for_token,
    authenticate_token as authenticate_token,
    create_token as create_token,
    import_token as import_token,
    revoke_token as revoke_token,
    touch_token as touch_token,
)
