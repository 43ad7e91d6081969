"""Who is there and what they may do: users, organizations, members, tokens, browser sessions, the actor.

    from yungu import accounts

    user = accounts.create_user(session, "lin", password="...", email="lin@example.org")
    token, value = accounts.create_token(session, secret, user.id, name="laptop", scope="write")
    actor = accounts.authenticate_token(session, secret, value)
    accounts.find_owner(session, "lin")
"""

from yungu.accounts.errors import (
    NameInvalid,
    NameTaken,
    NotMember,
    OwnerNotFound,
    PasswordWrong,
    SignInRequired,
    TokenInvalid,
    TokenNotFound,
    UserNotFound,
)
from yungu.accounts.models import (
    ANONYMOUS,
    Actor,
    Member,
    Owner,
    Role,
    Scope,
    Token,
    TokenGrant,
)
from yungu.accounts.queries import (
    find_owner,
    get_organization,
    get_owner,
    get_owner_by_id,
    get_user,
    list_members,
    list_memberships,
    list_owners,
    list_tokens,
    user_exists,
)
from yungu.accounts.service import (
    actor_for_user,
    add_member,
    authenticate_session,
    authenticate_token,
    change_password,
    check_password,
    create_organization,
    create_token,
    create_user,
    end_session,
    import_token,
    remove_member,
    revoke_token,
    start_session,
    touch_token,
    update_owner,
)

__all__ = [
    "ANONYMOUS",
    "Actor",
    "Member",
    "NameInvalid",
    "NameTaken",
    "NotMember",
    "Owner",
    "OwnerNotFound",
    "PasswordWrong",
    "Role",
    "Scope",
    "SignInRequired",
    "Token",
    "TokenGrant",
    "TokenInvalid",
    "TokenNotFound",
    "UserNotFound",
    "actor_for_user",
    "add_member",
    "authenticate_session",
    "authenticate_token",
    "change_password",
    "check_password",
    "create_organization",
    "create_token",
    "create_user",
    "end_session",
    "find_owner",
    "get_organization",
    "get_owner",
    "get_owner_by_id",
    "get_user",
    "import_token",
    "list_members",
    "list_memberships",
    "list_owners",
    "list_tokens",
    "remove_member",
    "revoke_token",
    "start_session",
    "touch_token",
    "update_owner",
    "user_exists",
]
