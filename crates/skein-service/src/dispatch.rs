//! The table of operations: the one place where a method name meets its function, for every transport.

use bytes::Bytes;
use skein_proto::{codec::Codec, v1, v1::ErrorCode};

use crate::{Asking, Caller, Done, Effect, Failure, Result, ServerKey, Service};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Anonymous,
    /// Any authenticated caller; what they may touch is checked by the operation itself.
    User,
    /// Business systems, by their server key. No user may, whoever it is.
    Server,
}

/// Who is calling.
#[derive(Clone, Copy)]
enum Who<'a> {
    Nobody,
    User(&'a Caller),
    Server(&'a ServerKey),
}

impl<'a> Who<'a> {
    fn user(self) -> Result<&'a Caller> {
        match self {
            Who::User(caller) => Ok(caller),
            Who::Nobody | Who::Server(_) => Err(unauthenticated("log in first: this operation needs an access token")),
        }
    }

    fn server(self) -> Result<&'a ServerKey> {
        match self {
            Who::Server(key) => Ok(key),
            Who::Nobody => Err(unauthenticated("this operation needs a server key")),
            Who::User(_) => {
                Err(Failure::new(ErrorCode::Forbidden, "this operation is for business systems, by server key"))
            }
        }
    }
}

macro_rules! operations {
    (
        anonymous { $($open_name:literal => $open:ident($open_request:ident),)* }
        user { $($name:literal => $function:ident($request:ident),)* }
        session { $($session_name:literal => $session:ident($session_request:ident),)* }
        server { $($server_name:literal => $server:ident($server_request:ident),)* }
    ) => {
        /// Every operation, by method name.
        pub const OPERATIONS: &[(&str, Access)] = &[
            $(($open_name, Access::Anonymous),)*
            $(($name, Access::User),)*
            $(($session_name, Access::User),)*
            $(($server_name, Access::Server),)*
        ];

        impl Service {
            async fn run(&self, who: Who<'_>, asking: Asking, method: &str, codec: Codec, body: &[u8]) -> Result<Done> {
                let body = match method {
                    $($open_name => {
                        let request: v1::$open_request = codec.decode_request(body)?;
                        codec.encode(&Box::pin(self.$open(request)).await?)
                    })*
                    $($name => {
                        let caller = who.user()?;
                        let request: v1::$request = codec.decode_request(body)?;
                        codec.encode(&Box::pin(self.$function(caller, request)).await?)
                    })*
                    $($session_name => {
                        let caller = who.user()?;
                        let request: v1::$session_request = codec.decode_request(body)?;
                        let (answer, effect) = Box::pin(self.$session(caller, asking, request)).await?;
                        return Ok(Done { body: codec.encode(&answer), effect });
                    })*
                    $($server_name => {
                        let key = who.server()?;
                        let request: v1::$server_request = codec.decode_request(body)?;
                        codec.encode(&Box::pin(self.$server(key, request)).await?)
                    })*
                    "AccountService/RenewLink" => return Err(Failure::invalid("only an open link can be renewed")),
                    _ => return Err(Failure::new(ErrorCode::UnknownMethod, "there is no such operation")),
                };
                Ok(Done { body, effect: Effect::None })
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
        "PresenceService/SetPresence" => set_presence(SetPresenceRequest),
        "PresenceService/GetPresence" => get_presence(GetPresenceRequest),
        "PresenceService/GetMyOnlineTime" => get_my_online_time(GetMyOnlineTimeRequest),
        "ReceiptService/MarkRead" => mark_read(MarkReadRequest),
        "ReceiptService/MarkDelivered" => mark_delivered(MarkDeliveredRequest),
        "ReceiptService/ListReaders" => list_readers(ListReadersRequest),
        "SyncService/PullUser" => pull_user(PullUserRequest),
        "SyncService/PullConversation" => pull_conversation(PullConversationRequest),
        "SyncService/ListHistory" => list_history(ListHistoryRequest),
    }
    session {
        "RoomService/JoinRoom" => join_room(JoinRoomRequest),
        "RoomService/LeaveRoom" => leave_room(LeaveRoomRequest),
        "RoomService/SendToRoom" => send_to_room(SendToRoomRequest),
        "RoomService/CountInRoom" => count_in_room(CountInRoomRequest),
        "RoomService/GetRoom" => get_room(GetRoomRequest),
        "PresenceService/WatchPresence" => watch_presence(WatchPresenceRequest),
        "PresenceService/UnwatchPresence" => unwatch_presence(UnwatchPresenceRequest),
        "SignalService/SendSignal" => send_signal(SendSignalRequest),
        "SignalService/ReplySignal" => reply_signal(ReplySignalRequest),
    }
    server {
        "AdminService/SendAsUser" => send_as_user(SendAsUserRequest),
        "AdminService/SendNotification" => send_notification(SendNotificationRequest),
        "AdminService/GetMailing" => get_mailing(GetMailingRequest),
        "AdminService/ListMailings" => list_mailings(ListMailingsRequest),
        "AdminService/ListReceivers" => list_receivers(ListReceiversRequest),
        "AdminService/CancelMailing" => cancel_mailing(CancelMailingRequest),
        "AdminService/ListWebhooks" => list_webhooks(ListWebhooksRequest),
        "AdminService/SetWebhook" => set_webhook(SetWebhookRequest),
        "AdminService/ListDeadEvents" => list_dead_events(ListDeadEventsRequest),
        "AdminService/ListRooms" => list_rooms(ListRoomsRequest),
        "AdminService/SendToRoom" => send_as_host(SendToRoomRequest),
        "AdminService/CloseRoom" => close_room(CloseRoomRequest),
        "AdminService/ListOnlineTime" => list_online_time(ListOnlineTimeRequest),
        "AdminService/SendSignal" => send_signal_as_host(SendSignalRequest),
    }
}

fn unauthenticated(text: &str) -> Failure {
    Failure::new(ErrorCode::Unauthenticated, text)
}

/// The method's name without the package.
pub(crate) fn short(method: &str) -> &str {
    let method = method.strip_prefix('/').unwrap_or(method);
    method.strip_prefix("skein.v1.").unwrap_or(method)
}

impl Service {
    /// Runs one operation: `MessageService/SendMessage`, with or without the package `skein.v1.` before it. Whoever has a session for its effect uses
    /// [`Service::dispatch_for`].
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
        self.dispatch_for(caller, Asking::default(), method, codec, body).await.map(|done| done.body)
    }

    /// The same for a session, which the effect is to be applied to. What is about a live room that another node keeps is done there.
    ///
    /// # Errors
    /// As above, and `UNAVAILABLE` when that node does not answer.
    pub async fn dispatch_for(
        &self,
        caller: Option<&Caller>,
        asking: Asking,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> std::result::Result<Done, v1::Error> {
        let method = short(method);
        if let Some(done) = self.done_by_owner(caller, asking, method, codec, body).await {
            return done;
        }
        let who = caller.map_or(Who::Nobody, Who::User);
        self.run(who, asking, method, codec, body).await.map_err(Into::into)
    }

    /// The same for a business system; see [`Service::authenticate_server`].
    ///
    /// # Errors
    /// As above.
    pub async fn dispatch_server(
        &self,
        key: &ServerKey,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> std::result::Result<Bytes, v1::Error> {
        self.dispatch_server_for(key, false, method, codec, body).await
    }

    /// The same; `relayed` when another service node has passed it on.
    pub(crate) async fn dispatch_server_for(
        &self,
        key: &ServerKey,
        relayed: bool,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> std::result::Result<Bytes, v1::Error> {
        let method = short(method);
        if let Some(done) = self.done_by_owner_for_server(key, relayed, method, codec, body).await {
            return done;
        }
        let done = self.run(Who::Server(key), Asking::default(), method, codec, body).await;
        done.map(|done| done.body).map_err(Into::into)
    }
}

/// Operations that the access layer answers, because they concern a link or a node.
pub const OF_ACCESS: &[&str] = &[
    "AccountService/RenewLink",
    "AdminService/DrainNode",
    "AdminService/ListNodes",
    "DispatchService/ResolveGateways",
];

/// Whether business systems call this operation, by server key.
pub fn is_for_servers(method: &str) -> bool {
    short(method).starts_with("AdminService/")
}

/// Whether there is such an operation.
pub fn is_method(method: &str) -> bool {
    let method = short(method);
    OPERATIONS.iter().any(|(name, _)| *name == method) || OF_ACCESS.contains(&method)
}
