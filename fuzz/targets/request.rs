//! Requests of every operation, and answers of the before-hook, in both encodings. The first line of an input names the operation, the rest is the body.

use std::fmt::Debug;

use skein_proto::{
    codec::{Body, Codec},
    limits::JSON_OBJECTS_MAX,
    v1,
};

use super::{memory, same::assert_same};

/// Longest text of a refusal, in bytes: a JSON refusal names the unknown field, up to 64 characters of it.
const REASON_BYTES_MAX: usize = 400;
/// What one object of JSON may take, in bytes: the largest message, while the list it is in grows.
const OBJECT_BYTES_MAX: usize = 2_048;
/// What the elements of binary lists may take; see [`Codec::decode`].
const ELEMENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Decodes a body in an encoding.
type Check = fn(Codec, &[u8]);

macro_rules! requests {
    ($($name:literal => $request:ident,)*) => {
        /// Every operation and its check.
        pub const REQUESTS: &[(&str, Check)] = &[$(($name, check::<v1::$request>),)*];
    };
}

requests! {
    "AccountService/Register" => RegisterRequest,
    "AccountService/LogIn" => LogInRequest,
    "AccountService/RefreshToken" => RefreshTokenRequest,
    "AccountService/ExchangeHostToken" => ExchangeHostTokenRequest,
    "AccountService/LogOut" => LogOutRequest,
    "AccountService/ListDevices" => ListDevicesRequest,
    "AccountService/RevokeDevice" => RevokeDeviceRequest,
    "AccountService/GetMe" => GetMeRequest,
    "AccountService/UpdateProfile" => UpdateProfileRequest,
    "AccountService/ChangePassword" => ChangePasswordRequest,
    "AccountService/FindUser" => FindUserRequest,
    "AccountService/SetBlocked" => SetBlockedRequest,
    "AccountService/ListBlocked" => ListBlockedRequest,
    "AccountService/PutSetting" => PutSettingRequest,
    "ConversationService/GetConversation" => GetConversationRequest,
    "ConversationService/UpdateConversation" => UpdateConversationRequest,
    "ConversationService/ClearConversation" => ClearConversationRequest,
    "ConversationService/DeleteConversation" => DeleteConversationRequest,
    "GroupService/CreateGroup" => CreateGroupRequest,
    "GroupService/GetGroup" => GetGroupRequest,
    "GroupService/RenameGroup" => RenameGroupRequest,
    "GroupService/AddMembers" => AddMembersRequest,
    "GroupService/RemoveMembers" => RemoveMembersRequest,
    "GroupService/LeaveGroup" => LeaveGroupRequest,
    "GroupService/SetRole" => SetRoleRequest,
    "GroupService/SyncMembers" => SyncMembersRequest,
    "MessageService/SendMessage" => SendMessageRequest,
    "MessageService/RecallMessage" => RecallMessageRequest,
    "MessageService/EditMessage" => EditMessageRequest,
    "MessageService/ListEdits" => ListEditsRequest,
    "MessageService/DeleteMessages" => DeleteMessagesRequest,
    "MessageService/ForwardMessages" => ForwardMessagesRequest,
    "ReceiptService/MarkRead" => MarkReadRequest,
    "ReceiptService/MarkDelivered" => MarkDeliveredRequest,
    "ReceiptService/ListReaders" => ListReadersRequest,
    "SyncService/PullUser" => PullUserRequest,
    "SyncService/PullConversation" => PullConversationRequest,
    "SyncService/ListHistory" => ListHistoryRequest,
    "RoomService/JoinRoom" => JoinRoomRequest,
    "RoomService/LeaveRoom" => LeaveRoomRequest,
    "RoomService/SendToRoom" => SendToRoomRequest,
    "RoomService/CountInRoom" => CountInRoomRequest,
    "RoomService/GetRoom" => GetRoomRequest,
    "SignalService/SendSignal" => SendSignalRequest,
    "SignalService/ReplySignal" => ReplySignalRequest,
    "PresenceService/SetPresence" => SetPresenceRequest,
    "PresenceService/WatchPresence" => WatchPresenceRequest,
    "PresenceService/UnwatchPresence" => UnwatchPresenceRequest,
    "PresenceService/GetPresence" => GetPresenceRequest,
    "PresenceService/GetMyOnlineTime" => GetMyOnlineTimeRequest,
    "AdminService/SendAsUser" => SendAsUserRequest,
    "AdminService/SendNotification" => SendNotificationRequest,
    "AdminService/GetMailing" => GetMailingRequest,
    "AdminService/ListMailings" => ListMailingsRequest,
    "AdminService/ListReceivers" => ListReceiversRequest,
    "AdminService/CancelMailing" => CancelMailingRequest,
    "AdminService/ListWebhooks" => ListWebhooksRequest,
    "AdminService/SetWebhook" => SetWebhookRequest,
    "AdminService/ListDeadEvents" => ListDeadEventsRequest,
    "AdminService/ListRooms" => ListRoomsRequest,
    "AdminService/SendToRoom" => SendToRoomRequest,
    "AdminService/CloseRoom" => CloseRoomRequest,
    "AdminService/SendSignal" => SendSignalRequest,
    "AdminService/ListOnlineTime" => ListOnlineTimeRequest,
    "AdminService/DrainNode" => DrainNodeRequest,
    "AdminService/ListNodes" => ListNodesRequest,
    "DispatchService/ResolveGateways" => ResolveGatewaysRequest,
    "AccountService/RenewLink" => RenewLinkRequest,
    // What a business system answers is JSON from outside, too.
    "BeforeMessage" => BeforeMessageAnswer,
}

pub(super) fn json(data: &[u8]) {
    run(Codec::Json, data);
}

pub(super) fn binary(data: &[u8]) {
    run(Codec::Binary, data);
}

fn run(codec: Codec, data: &[u8]) {
    let Some(line) = data.iter().position(|byte| *byte == b'\n') else { return };
    let check = REQUESTS.iter().find(|(name, _)| name.as_bytes() == &data[..line]);
    if let Some((_, check)) = check {
        check(codec, &data[line + 1..]);
    }
}

fn check<T: Body + Debug>(codec: Codec, body: &[u8]) {
    match memory::within(memory_bytes_max(codec, body), || codec.decode_request::<T>(body)) {
        Ok(request) => {
            let lenient: T = codec.decode(body).expect("what is strictly a request is one");
            assert_same(&request, &lenient, "decoded in two ways");
            for other in [Codec::Binary, Codec::Json] {
                let again: T = other.decode_request(&other.encode(&request)).expect("what we encode can be decoded");
                assert_same(&request, &again, "encoded and decoded");
            }
            if codec == Codec::Json && !body.is_empty() {
                assert!(body.trim_ascii_start().starts_with(b"{"), "a request is an object");
            }
        }
        Err(malformed) => assert!((1..=REASON_BYTES_MAX).contains(&malformed.to_string().len()), "{malformed}"),
    }
}

fn memory_bytes_max(codec: Codec, body: &[u8]) -> usize {
    let linear = 32 * body.len() + 16 * 1024;
    match codec {
        Codec::Binary => linear + ELEMENTS_BYTES_MAX,
        Codec::Json => linear + OBJECT_BYTES_MAX * objects(body).min(JSON_OBJECTS_MAX),
    }
}

/// At least as many as there are objects.
fn objects(json: &[u8]) -> usize {
    json.iter().filter(|byte| **byte == b'{').count()
}
