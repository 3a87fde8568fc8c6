//! The table of operations: the one place where a method name meets its function, for every transport.

use bytes::Bytes;
use skein_proto::{codec::Codec, v1, v1::ErrorCode};

use crate::{Caller, Failure, Result, Service};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Anonymous,
    /// Any authenticated caller; what they may touch is checked by the operation itself.
    User,
}

macro_rules! operations {
    (
        anonymous { $($open_name:literal => $open:ident($open_request:ident),)* }
        user { $($name:literal => $function:ident($request:ident),)* }
    ) => {
        /// Every operation, by method name.
        pub const OPERATIONS: &[(&str, Access)] = &[$(($open_name, Access::Anonymous),)* $(($name, Access::User),)*];

        impl Service {
            async fn run(&self, caller: Option<&Caller>, method: &str, codec: Codec, body: &[u8]) -> Result<Bytes> {
                match method {
                    $($open_name => {
                        let request: v1::$open_request = codec.decode_request(body)?;
                        Ok(codec.encode(&Box::pin(self.$open(request)).await?))
                    })*
                    $($name => {
                        let caller = caller.ok_or_else(unauthenticated)?;
                        let request: v1::$request = codec.decode_request(body)?;
                        Ok(codec.encode(&Box::pin(self.$function(caller, request)).await?))
                    })*
                    "AccountService/RenewLink" => Err(Failure::invalid("only an open link can be renewed")),
                    _ => Err(Failure::new(ErrorCode::UnknownMethod, "there is no such operation")),
                }
            }
        }
    };
}

operations! {
    anonymous {
        "AccountService/Register" => register(RegisterRequest),
        "AccountService/LogIn" => log_in(LogInRequest),
        "AccountService/RefreshToken" => refresh_token(RefreshTokenRequest),
        "AccountService/ExchangeHostToken" => exchange_host_token(ExchangeHostTokenRequest),
    }
    user {
        "AccountService/LogOut" => log_out(LogOutRequest),
        "AccountService/ListDevices" => list_devices(ListDevicesRequest),
        "AccountService/RevokeDevice" => revoke_device(RevokeDeviceRequest),
        "AccountService/GetMe" => get_me(GetMeRequest),
        "AccountService/UpdateProfile" => update_profile(UpdateProfileRequest),
        "AccountService/ChangePassword" => change_password(ChangePasswordRequest),
        "AccountService/FindUser" => find_user(FindUserRequest),
        "AccountService/SetBlocked" => set_blocked(SetBlockedRequest),
        "AccountService/ListBlocked" => list_blocked(ListBlockedRequest),
        "AccountService/PutSetting" => put_setting(PutSettingRequest),
        "ConversationService/GetConversation" => get_conversation(GetConversationRequest),
        "ConversationService/UpdateConversation" => update_conversation(UpdateConversationRequest),
        "ConversationService/ClearConversation" => clear_conversation(ClearConversationRequest),
        "ConversationService/DeleteConversation" => delete_conversation(DeleteConversationRequest),
        "GroupService/CreateGroup" => create_group(CreateGroupRequest),
        "GroupService/GetGroup" => get_group(GetGroupRequest),
        "GroupService/RenameGroup" => rename_group(RenameGroupRequest),
        "GroupService/AddMembers" => add_members(AddMembersRequest),
        "GroupService/RemoveMembers" => remove_members(RemoveMembersRequest),
        "GroupService/LeaveGroup" => leave_group(LeaveGroupRequest),
        "GroupService/SetRole" => set_role(SetRoleRequest),
        "GroupService/SyncMembers" => sync_members(SyncMembersRequest),
        "MessageService/SendMessage" => send_message(SendMessageRequest),
        "MessageService/RecallMessage" => recall_message(RecallMessageRequest),
        "MessageService/EditMessage" => edit_message(EditMessageRequest),
        "MessageService/ListEdits" => list_edits(ListEditsRequest),
        "MessageService/DeleteMessages" => delete_messages(DeleteMessagesRequest),
        "MessageService/ForwardMessages" => forward_messages(ForwardMessagesRequest),
        "ReceiptService/MarkRead" => mark_read(MarkReadRequest),
        "ReceiptService/MarkDelivered" => mark_delivered(MarkDeliveredRequest),
        "ReceiptService/ListReaders" => list_readers(ListReadersRequest),
        "SyncService/PullUser" => pull_user(PullUserRequest),
        "SyncService/PullConversation" => pull_conversation(PullConversationRequest),
        "SyncService/ListHistory" => list_history(ListHistoryRequest),
    }
}

fn unauthenticated() -> Failure {
    Failure::new(ErrorCode::Unauthenticated, "log in first: this operation needs an access token")
}

/// The method's name without the package.
fn short(method: &str) -> &str {
    let method = method.strip_prefix('/').unwrap_or(method);
    method.strip_prefix("skein.v1.").unwrap_or(method)
}

impl Service {
    /// Runs one operation: `MessageService/SendMessage`, with or without the package `skein.v1.` before it.
    ///
    /// # Errors
    /// The coded error for the peer: that of the operation, or `UNAUTHENTICATED`, `UNKNOWN_METHOD`, `MALFORMED`.
    pub async fn dispatch(
        &self,
        caller: Option<&Caller>,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> std::result::Result<Bytes, v1::Error> {
        self.run(caller, short(method), codec, body).await.map_err(Into::into)
    }
}

/// Whether there is such an operation.
pub fn is_method(method: &str) -> bool {
    let method = short(method);
    OPERATIONS.iter().any(|(name, _)| *name == method) || method == "AccountService/RenewLink"
}
