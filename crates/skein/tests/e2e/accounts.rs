//! Accounts and devices, seen from outside.

use serde_json::json;

use crate::{
    http::{Account, call, refused, register},
    link::Link,
    server::Server,
};

fn refresh(server: &Server, token: &str) -> (String, String) {
    let answer = call(server, "", "AccountService/RefreshToken", json!({"refreshToken": token}));
    let text = |name: &str| answer["tokens"][name].as_str().unwrap().to_owned();
    (text("accessToken"), text("refreshToken"))
}

#[test]
fn refresh_tokens_work_once_and_a_second_use_kills_the_device() {
    let server = Server::start_with(&[("SKEIN__SERVICE__REFRESH_GRACE_S", "0")]);
    let ann = register(&server, "ann");
    let (access, _) = refresh(&server, &ann.refresh);
    call(&server, &access, "AccountService/GetMe", json!({}));
    let stolen = json!({"refreshToken": ann.refresh});
    assert_eq!(refused(&server, "", "AccountService/RefreshToken", stolen), "REFRESH_REUSED");
    assert_eq!(refused(&server, &access, "AccountService/GetMe", json!({})), "TOKEN_REVOKED");
}

#[test]
fn a_refresh_whose_answer_was_lost_can_be_repeated_and_older_tokens_cannot() {
    let mut server = Server::start();
    let ann = register(&server, "ann");
    refresh(&server, &ann.refresh);
    server.kill_and_restart();
    let (access, second) = refresh(&server, &ann.refresh);
    call(&server, &access, "AccountService/GetMe", json!({}));
    let (access, _) = refresh(&server, &second);
    let older = json!({"refreshToken": ann.refresh});
    assert_eq!(refused(&server, "", "AccountService/RefreshToken", older), "REFRESH_REUSED");
    assert_eq!(refused(&server, &access, "AccountService/GetMe", json!({})), "TOKEN_REVOKED");
}

#[test]
fn a_remote_logout_closes_the_link_within_a_second() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let login = json!({"username": "ANN", "password": "a long password", "device": {"name": "phone", "platform": "PLATFORM_IOS"}});
    let phone = Account::from_answer(&call(&server, "", "AccountService/LogIn", login));
    let mut link = Link::connect(&server, &phone);
    let devices = call(&server, &ann.access, "AccountService/ListDevices", json!({}));
    let listed = devices["devices"].as_array().unwrap();
    let found = listed.iter().find(|device| device["deviceId"] == phone.device_id).unwrap();
    assert_eq!((found["name"].as_str(), found["online"].as_bool()), (Some("phone"), Some(true)), "{devices}");
    let start = std::time::Instant::now();
    call(&server, &ann.access, "AccountService/RevokeDevice", json!({"deviceId": phone.device_id}));
    assert_eq!(link.closed().0.as_deref(), Some("TOKEN_REVOKED"));
    assert!(start.elapsed().as_millis() < 1_000, "{:?}", start.elapsed());
    assert_eq!(refused(&server, &phone.access, "AccountService/GetMe", json!({})), "TOKEN_REVOKED");
    call(&server, &ann.access, "AccountService/GetMe", json!({}));
}

#[test]
fn the_login_policy_kicks_the_older_device_of_a_platform() {
    let server = Server::start_with(&[("SKEIN__SERVICE__LOGIN_MOBILE", "kick_older")]);
    register(&server, "ann");
    let login = || {
        let device = json!({"username": "ann", "password": "a long password", "device": {"platform": "PLATFORM_IOS"}});
        Account::from_answer(&call(&server, "", "AccountService/LogIn", device))
    };
    let older = login();
    let mut link = Link::connect(&server, &older);
    login();
    assert_eq!(link.closed().0.as_deref(), Some("KICKED"));
}

#[test]
fn names_passwords_and_people_are_checked() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let account = |name: &str, password: &str| json!({"username": name, "password": password});
    for (body, code) in [
        (account("ANN", "a long password"), "ALREADY_EXISTS"),
        (account("a b", "a long password"), "INVALID_ARGUMENT"),
        (account("", "a long password"), "INVALID_ARGUMENT"),
        (account("bob", "short"), "INVALID_ARGUMENT"),
    ] {
        assert_eq!(refused(&server, "", "AccountService/Register", body.clone()), code, "{body}");
    }
    for body in [account("ann", "another password"), account("nobody", "a long password")] {
        assert_eq!(refused(&server, "", "AccountService/LogIn", body), "WRONG_CREDENTIALS");
    }
    let found = call(&server, &ann.access, "AccountService/FindUser", json!({"username": "Ann"}));
    assert_eq!(found["user"]["userId"], ann.user_id);
    assert_eq!(refused(&server, &ann.access, "AccountService/FindUser", json!({"username": "nobody"})), "NOT_FOUND");
}

#[test]
fn profile_settings_and_blocks_reach_the_other_devices_by_pull() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let before = call(&server, &ann.access, "SyncService/PullUser", json!({}))["version"].clone();
    call(&server, &ann.access, "AccountService/UpdateProfile", json!({"displayName": "安"}));
    call(&server, &ann.access, "AccountService/PutSetting", json!({"key": "theme", "value": "dark"}));
    call(&server, &ann.access, "AccountService/SetBlocked", json!({"userId": bob.user_id, "blocked": true}));
    let pulled = call(&server, &ann.access, "SyncService/PullUser", json!({"sinceVersion": before}));
    assert_eq!(pulled["me"]["displayName"], "安");
    assert_eq!(pulled["settings"][0]["value"], "dark");
    assert_eq!(pulled["blocks"][0]["userId"], bob.user_id);
    let message = crate::http::text_to(&ann.user_id, 1, "hello?");
    assert_eq!(refused(&server, &bob.access, "MessageService/SendMessage", message), "BLOCKED");
}

#[test]
fn an_access_token_expires_closes_its_link_and_can_be_renewed_before() {
    let server = Server::start_with(&[("SKEIN__SERVICE__ACCESS_TOKEN_S", "3")]);
    let ann = register(&server, "ann");
    let (mut renewed, mut forgotten) = (Link::connect(&server, &ann), Link::connect(&server, &ann));
    let fresh = call(&server, "", "AccountService/RefreshToken", json!({"refreshToken": ann.refresh}));
    let answer =
        renewed.call("AccountService/RenewLink", json!({"accessToken": fresh["tokens"]["accessToken"]})).unwrap();
    let expires = |value: &serde_json::Value| value["tokenExpiresMs"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(expires(&answer) >= expires(&forgotten.welcome));
    assert_eq!(forgotten.closed().0.as_deref(), Some("TOKEN_EXPIRED"));
    assert_eq!(refused(&server, &ann.access, "AccountService/GetMe", json!({})), "TOKEN_EXPIRED");
}
