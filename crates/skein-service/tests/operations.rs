//! Walks the schema: every operation of it exists, and every one that names a conversation refuses those who are not in it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{collections::BTreeSet, sync::Arc};

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use skein_bus::local::LocalBus;
use skein_proto::{
    DESCRIPTOR_SET,
    codec::Codec,
    id::UserId,
    v1::{self, ErrorCode, Platform, UserState},
};
use skein_service::{
    Caller, Service, ServiceConfig,
    dispatch::{Access, OF_ACCESS, OPERATIONS},
};
use skein_store::{
    account::{AccountStore, UserRow},
    sync::SyncStore,
};
use skein_store_sqlite::{SqliteConfig, SqliteStore};

const OWNER: u64 = 1;
const MEMBER: u64 = 2;
const FORMER: u64 = 3;
const STRANGER: u64 = 4;

/// What a plain member may not do, although it is in the group.
const FORBIDDEN_TO_MEMBERS: &[&str] =
    &["GroupService/RenameGroup", "GroupService/RemoveMembers", "GroupService/SetRole"];

/// A group with an owner, a member and a former member; each of the latter two wrote one message there.
struct World {
    service: Arc<Service>,
    store: Arc<SqliteStore>,
    group: String,
    group_messages: [u64; 2],
    self_messages: [u64; 5],
    _directory: tempfile::TempDir,
}

fn caller(user: u64) -> Caller {
    Caller {
        user: UserId(user),
        device_id: Arc::from(format!("device-{user}")),
        platform: Platform::Terminal,
        generation: 1,
        expires_ms: u64::MAX,
    }
}

fn uuid(number: u64) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path(), SqliteConfig::default()).unwrap());
        for id in [OWNER, MEMBER, FORMER, STRANGER] {
            let user = v1::User {
                user_id: id,
                username: format!("user{id}"),
                state: UserState::Active.into(),
                ..Default::default()
            };
            let row = UserRow { user, password_hash: String::new(), external_id: String::new() };
            store.create_user(row).await.unwrap();
        }
        let (bus, mut deliveries) = LocalBus::new();
        tokio::spawn(async move { while deliveries.recv().await.is_some() {} });
        let service = Service::start(store.clone(), Arc::new(bus), ServiceConfig::default()).await.unwrap();
        let mut world = Self {
            service,
            store,
            group: String::new(),
            group_messages: [0; 2],
            self_messages: [0; 5],
            _directory: directory,
        };
        world.fill().await;
        world
    }

    async fn fill(&mut self) {
        let created = self
            .call(OWNER, "GroupService/CreateGroup", json!({"name": "g", "userIds": [MEMBER, FORMER]}))
            .await
            .unwrap();
        self.group = created["group"]["conversationId"].as_str().unwrap().to_owned();
        for (index, user) in [MEMBER, FORMER].into_iter().enumerate() {
            self.group_messages[index] = self.send(user, json!({"conversationId": self.group})).await;
        }
        for user in [OWNER, MEMBER, FORMER, STRANGER] {
            self.self_messages[user as usize] = self.send(user, json!({"userId": user})).await;
        }
        let removal = json!({"conversationId": self.group, "userIds": [FORMER]});
        self.call(OWNER, "GroupService/RemoveMembers", removal).await.unwrap();
    }

    async fn send(&self, user: u64, mut request: Value) -> u64 {
        request["clientMessageId"] = uuid(if request["userId"].is_null() { user } else { 10 + user }).into();
        request["content"] = json!({"text": {"text": "hello"}});
        let sent = self.call(user, "MessageService/SendMessage", request).await.unwrap();
        sent["messageId"].as_str().unwrap().parse().unwrap()
    }

    async fn call(&self, user: u64, method: &str, request: Value) -> Result<Value, ErrorCode> {
        self.call_as(Some(&caller(user)), method, request).await
    }

    async fn call_as(&self, caller: Option<&Caller>, method: &str, request: Value) -> Result<Value, ErrorCode> {
        let body = serde_json::to_vec(&request).unwrap();
        match self.service.dispatch(caller, method, Codec::Json, &body).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(error) => {
                assert!(!error.text.is_empty(), "{method}: an error without a text");
                Err(error.code.as_known().unwrap())
            }
        }
    }

    /// Everything about the group that a change would move.
    async fn fingerprint(&self) -> String {
        let group = self.group.parse().unwrap();
        let pull = self.store.pull_conversation(UserId(OWNER), group, 0, 200).await.unwrap();
        serde_json::to_string(&pull).unwrap()
    }

    /// A well-formed request: `target` names the conversation under test, other conversation fields are the caller's own.
    fn request(&self, input: &MessageDescriptor, target: &str, conversation: &str, user: u64) -> Value {
        let own = format!("{user}:{user}");
        let about_group = conversation == self.group && target != "to_conversation_ids";
        let message = match user {
            _ if !about_group => self.self_messages[user as usize],
            FORMER => self.group_messages[1],
            _ => self.group_messages[0],
        };
        let mut request = Map::new();
        for field in input.fields() {
            let value = match field.name() {
                name if name == target && field.is_list() => json!([conversation]),
                name if name == target => json!(conversation),
                name if name.ends_with("conversation_ids") => json!([own]),
                name if name.ends_with("conversation_id") => json!(own),
                "message_id" => json!(message),
                "message_ids" => json!([message]),
                "client_message_id" => json!(uuid(99)),
                "content" => json!({"text": {"text": "changed"}}),
                "seq" => json!(1),
                "name" => json!("renamed"),
                "role" => json!("ROLE_ADMIN"),
                "kind" => json!("typing"),
                "user_ids" => json!([if user == STRANGER { FORMER } else { STRANGER }]),
                "user_id" if field.containing_oneof().is_none() && target_is_group_role(input) => json!(OWNER),
                _ => continue,
            };
            request.insert(field.json_name().to_owned(), value);
        }
        Value::Object(request)
    }
}

fn target_is_group_role(input: &MessageDescriptor) -> bool {
    input.name() == "SetRoleRequest"
}

fn methods() -> Vec<(String, MethodDescriptor)> {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = pool.services().collect();
    services
        .iter()
        .flat_map(|service| {
            service.methods().map(move |method| (format!("{}/{}", service.name(), method.name()), method))
        })
        .collect()
}

/// Every operation of users that names a conversation, once for each field that does.
fn conversation_fields() -> Vec<(String, MessageDescriptor, String)> {
    let mut found = Vec::new();
    let for_servers = |name: &str| OPERATIONS.contains(&(name, Access::Server));
    for (name, method) in methods().into_iter().filter(|(name, _)| !for_servers(name)) {
        for field in method.input().fields() {
            if field.name().ends_with("conversation_id") || field.name().ends_with("conversation_ids") {
                found.push((name.clone(), method.input(), field.name().to_owned()));
            }
        }
    }
    found
}

#[test]
fn the_table_of_operations_is_the_schema() {
    let schema: BTreeSet<String> = methods().into_iter().map(|(name, _)| name).collect();
    let mut table: BTreeSet<String> = OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    table.extend(OF_ACCESS.iter().map(|name| (*name).to_owned()));
    assert_eq!(schema, table);
}

#[tokio::test]
async fn nobody_is_refused_everything_that_needs_a_caller() {
    let world = World::new().await;
    for (method, access) in OPERATIONS {
        let result = world.call_as(None, method, json!({})).await;
        match access {
            Access::User | Access::Server => assert_eq!(result, Err(ErrorCode::Unauthenticated), "{method}"),
            Access::Anonymous => assert_ne!(result, Err(ErrorCode::Unauthenticated), "{method}"),
        }
    }
    assert_eq!(world.call_as(None, "MessageService/Explode", json!({})).await, Err(ErrorCode::UnknownMethod));
}

#[tokio::test]
async fn no_user_may_what_business_systems_may() {
    let world = World::new().await;
    let for_servers: Vec<_> = OPERATIONS.iter().filter(|(_, access)| *access == Access::Server).collect();
    assert!(for_servers.len() >= 9, "{for_servers:?}");
    for (method, _) in for_servers {
        assert!(skein_service::is_for_servers(method), "{method}: HTTP would ask for a user's token");
        for user in [OWNER, STRANGER] {
            assert_eq!(world.call(user, method, json!({})).await, Err(ErrorCode::Forbidden), "{method}");
        }
    }
    let refused = world.service.authenticate_server(Some("any key at all")).unwrap_err();
    assert_eq!(refused.code.as_known(), Some(ErrorCode::Forbidden));
    assert!(refused.text.contains("admin.keys"), "the error says what to configure: {}", refused.text);
}

#[tokio::test]
async fn strangers_and_former_members_are_refused_and_members_are_not() {
    let fields = conversation_fields();
    assert!(fields.len() >= 20, "the walk finds {} conversation fields", fields.len());
    let world = World::new().await;
    let before = world.fingerprint().await;
    for (method, input, field) in &fields {
        for user in [STRANGER, FORMER] {
            let request = world.request(input, field, &world.group, user);
            let result = world.call(user, method, request.clone()).await;
            assert_eq!(result, Err(ErrorCode::NotAMember), "{method} as user {user}: {request}");
        }
        assert_eq!(world.fingerprint().await, before, "{method} changed the group although it was refused");
    }
    for (method, input, field) in &fields {
        let world = World::new().await;
        let request = world.request(input, field, &world.group, MEMBER);
        let result = world.call(MEMBER, method, request.clone()).await;
        if FORBIDDEN_TO_MEMBERS.contains(&method.as_str()) {
            assert_eq!(result, Err(ErrorCode::Forbidden), "{method}: {request}");
        } else {
            assert!(result.is_ok(), "{method} as a member: {result:?} for {request}");
        }
    }
}

#[tokio::test]
async fn conversations_of_others_and_unknown_ones_look_the_same() {
    let world = World::new().await;
    let direct = world.send(OWNER, json!({"userId": MEMBER})).await;
    assert_ne!(direct, 0);
    for (method, input, field) in &conversation_fields() {
        for conversation in [format!("{OWNER}:{MEMBER}"), "g999999".to_owned(), "888:999".to_owned()] {
            let request = world.request(input, field, &conversation, STRANGER);
            let result = world.call(STRANGER, method, request.clone()).await;
            let group_only = method.starts_with("GroupService/") && !conversation.starts_with('g');
            let expected = if group_only { ErrorCode::InvalidArgument } else { ErrorCode::NotAMember };
            assert!(
                result == Err(expected) || result == Err(ErrorCode::NotAMember),
                "{method} on {conversation}: {result:?} for {request}"
            );
        }
        let request = world.request(input, field, "not-an-id", STRANGER);
        assert_eq!(world.call(STRANGER, method, request).await, Err(ErrorCode::InvalidArgument), "{method}");
    }
}
