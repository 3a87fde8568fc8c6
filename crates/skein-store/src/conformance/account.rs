//! Accounts, devices, refresh tokens, blocks, settings, secrets.

use skein_proto::{id::UserId, limits, v1};

use super::{
    World,
    world::{START_MS, device_row, done, refused, user_row},
};
use crate::{
    Refusal,
    account::{ProfileChange, RotateRefresh, Rotation},
};

/// How long the last exchange may be repeated in these cases, in milliseconds.
const GRACE_MS: u64 = 100;

/// The exchange of one token for the next, without a repeat; the next one lives for a second.
fn exchange(old: u8, new: u8, now_ms: u64) -> RotateRefresh {
    RotateRefresh { old: [old; 32], new: [new; 32], expires_ms: now_ms + 1_000, grace_ms: 0, now_ms }
}

/// The same where it may be a repeat.
fn exchange_again(old: u8, new: u8, now_ms: u64) -> RotateRefresh {
    RotateRefresh { grace_ms: GRACE_MS, ..exchange(old, new, now_ms) }
}

/// Ids, user names (without regard to case) and external ids are taken once.
pub async fn user_names_are_unique(world: World) {
    let mut ann = user_row(UserId(1), "Ann");
    ann.external_id = "host-1".to_owned();
    done(world.store.create_user(ann.clone()).await);
    let same_name = user_row(UserId(2), "aNN");
    assert_eq!(refused(world.store.create_user(same_name).await), Refusal::AlreadyExists);
    let same_id = user_row(UserId(1), "bob");
    assert_eq!(refused(world.store.create_user(same_id).await), Refusal::AlreadyExists);
    let mut same_external_id = user_row(UserId(3), "cid");
    same_external_id.external_id = "host-1".to_owned();
    assert_eq!(refused(world.store.create_user(same_external_id).await), Refusal::AlreadyExists);
    assert!(done(world.store.lookup_user(UserId(2)).await).is_none());
    done(world.store.create_user(user_row(UserId(4), "dot")).await);
    done(world.store.create_user(user_row(UserId(5), "eve")).await);
}

/// By id, by name in any case, by external id; and nobody is found by nothing.
pub async fn users_are_found(world: World) {
    let mut ann = user_row(UserId(1), "Ann");
    ann.external_id = "host-1".to_owned();
    done(world.store.create_user(ann.clone()).await);
    for found in [
        done(world.store.lookup_user(UserId(1)).await),
        done(world.store.find_user_by_username("ANN").await),
        done(world.store.find_user_by_external_id("host-1").await),
    ] {
        let found = found.expect("the user was just created");
        assert_eq!(
            (found.user, found.external_id, found.password_hash),
            (ann.user.clone(), ann.external_id.clone(), "hash".to_owned())
        );
    }
    assert!(done(world.store.find_user_by_username("bob").await).is_none());
    assert!(done(world.store.find_user_by_external_id("").await).is_none());
}

/// Fields that are not named stay; the timeline moves; the next pull has the profile.
pub async fn profiles_change_by_field(world: World) {
    let user = world.user().await;
    let before = world.version(user).await;
    let change = ProfileChange { bio: Some("hello".to_owned()), ..Default::default() };
    let (profile, version) = done(world.store.set_profile(user, change).await);
    assert_eq!((profile.bio.as_str(), profile.display_name), ("hello", format!("The user{user}")));
    assert!(version > before);
    assert_eq!(world.version(user).await, version);
    assert_eq!(world.pull(user, before).await.me.bio, "hello");
    assert!(!world.pull(user, version).await.me.is_set());
}

/// Nobody is changed, and nobody's timeline is at 0.
pub async fn unknown_users_are_refused(world: World) {
    let nobody = UserId(404);
    let user = world.user().await;
    assert_eq!(refused(world.store.set_profile(nobody, ProfileChange::default()).await), Refusal::NotFound);
    assert_eq!(refused(world.store.set_password_hash(nobody, String::new()).await), Refusal::NotFound);
    assert_eq!(refused(world.store.set_user_state(nobody, v1::UserState::Suspended).await), Refusal::NotFound);
    assert_eq!(refused(world.store.set_blocked(user, nobody, true).await), Refusal::NotFound);
    assert_eq!(world.version(nobody).await, 0);
}

/// Both are there when the user is looked up again.
pub async fn passwords_and_states_are_kept(world: World) {
    let user = world.user().await;
    done(world.store.set_password_hash(user, "other".to_owned()).await);
    done(world.store.set_user_state(user, v1::UserState::Suspended).await);
    let row = done(world.store.lookup_user(user).await).expect("the user exists");
    assert_eq!(row.password_hash, "other");
    assert_eq!(row.user.state.as_known(), Some(v1::UserState::Suspended));
}

/// The same device of the same user counts its logins, and lives again after a logout; another user cannot take its id.
pub async fn logging_in_again_raises_the_generation(world: World) {
    let [ann, bob] = world.users().await;
    assert_eq!(done(world.store.put_device(device_row(ann, "a", 1, START_MS)).await).generation, 1);
    assert!(done(world.store.revoke_device(ann, "a").await));
    let again = done(world.store.put_device(device_row(ann, "a", 2, START_MS + 5)).await);
    assert_eq!((again.generation, again.revoked, again.created_time_ms), (2, false, START_MS));
    let stored = done(world.store.lookup_device("a").await).expect("the device was stored");
    assert_eq!((stored.generation, stored.refresh_hash), (2, [2; 32]));
    assert_eq!(refused(world.store.put_device(device_row(bob, "a", 3, START_MS)).await), Refusal::AlreadyExists);
}

/// One too many logs out the one that was not seen for longest; the list is latest first.
pub async fn devices_are_limited(world: World) {
    let user = world.user().await;
    for number in 0..=limits::DEVICES_MAX as u64 {
        // The third is seen last of all but the newest; the first is the oldest.
        let seen_ms = START_MS + if number == 2 { 1_000 } else { number };
        done(world.store.put_device(device_row(user, &format!("d{number}"), number as u8, seen_ms)).await);
    }
    let devices = done(world.store.list_devices(user).await);
    assert_eq!(devices.len(), limits::DEVICES_MAX);
    assert_eq!(devices[0].device_id, "d2");
    assert!(devices.is_sorted_by_key(|device| std::cmp::Reverse(device.last_seen_time_ms)));
    assert!(done(world.store.lookup_device("d0").await).is_some_and(|device| device.revoked));
}

/// By its own user only; the second time there is nothing to revoke.
pub async fn devices_are_revoked_once(world: World) {
    let [ann, bob] = world.users().await;
    done(world.store.put_device(device_row(ann, "a", 1, START_MS)).await);
    assert!(!done(world.store.revoke_device(bob, "a").await));
    assert!(done(world.store.revoke_device(ann, "a").await));
    assert!(!done(world.store.revoke_device(ann, "a").await));
    assert!(done(world.store.list_devices(ann).await).is_empty());
    assert!(done(world.store.lookup_device("a").await).is_some_and(|device| device.revoked));
    assert_eq!(refused(world.store.rotate_refresh(exchange(1, 2, START_MS)).await), Refusal::NotFound);
}

/// Each token works once and gives the next.
pub async fn refresh_tokens_rotate(world: World) {
    let user = world.user().await;
    done(world.store.put_device(device_row(user, "a", 1, START_MS)).await);
    for step in 1..5u8 {
        let now_ms = START_MS + u64::from(step);
        match done(world.store.rotate_refresh(exchange(step, step + 1, now_ms)).await) {
            Rotation::Rotated(device) => {
                assert_eq!((device.refresh_hash, device.last_seen_time_ms), ([step + 1; 32], now_ms));
                assert_eq!((device.refresh_expires_ms, device.generation), (now_ms + 1_000, 1));
            }
            Rotation::Reused(_) => panic!("token {step} was used once"),
        }
    }
    assert_eq!(refused(world.store.rotate_refresh(exchange(99, 2, START_MS)).await), Refusal::NotFound);
}

/// A token that was used before logs the device out, whoever holds the current one.
pub async fn used_refresh_tokens_revoke(world: World) {
    let user = world.user().await;
    done(world.store.put_device(device_row(user, "a", 1, START_MS)).await);
    done(world.store.rotate_refresh(exchange(1, 2, START_MS)).await);
    done(world.store.rotate_refresh(exchange(2, 3, START_MS)).await);
    let reused = done(world.store.rotate_refresh(exchange_again(1, 9, START_MS)).await);
    assert!(matches!(reused, Rotation::Reused(device) if device.device_id == "a" && device.revoked));
    assert!(done(world.store.lookup_device("a").await).is_some_and(|device| device.revoked));
    for hash in [1, 3, 9] {
        let answer = world.store.rotate_refresh(exchange_again(hash, 8, START_MS)).await;
        assert_eq!(refused(answer), Refusal::NotFound, "token {hash}");
    }
}

/// The exchange whose token is current can be repeated within the grace, counted from the first time, and no other one.
pub async fn lost_answers_are_repeated(world: World) {
    let rotated = |rotation| matches!(rotation, Rotation::Rotated(device) if !device.revoked);
    let [ann, bob, cid] = world.users().await;
    done(world.store.put_device(device_row(ann, "a", 1, START_MS)).await);
    for (new, after_ms) in [(2, 0), (3, 1), (4, GRACE_MS - 1)] {
        let repeat = exchange_again(1, new, START_MS + after_ms);
        assert!(rotated(done(world.store.rotate_refresh(repeat).await)), "after {after_ms} ms");
        let stored = done(world.store.lookup_device("a").await).expect("the device was stored");
        assert_eq!((stored.refresh_hash, stored.refresh_expires_ms), ([new; 32], repeat.expires_ms));
    }
    let late = done(world.store.rotate_refresh(exchange_again(1, 5, START_MS + GRACE_MS)).await);
    assert!(matches!(late, Rotation::Reused(device) if device.revoked));

    done(world.store.put_device(device_row(bob, "b", 11, START_MS)).await);
    done(world.store.rotate_refresh(exchange_again(11, 12, START_MS)).await);
    done(world.store.rotate_refresh(exchange_again(12, 13, START_MS)).await);
    let older = done(world.store.rotate_refresh(exchange_again(11, 14, START_MS)).await);
    assert!(matches!(older, Rotation::Reused(_)), "its token was used, so its answer was not lost");

    done(world.store.put_device(device_row(cid, "c", 21, START_MS)).await);
    done(world.store.rotate_refresh(exchange(21, 22, START_MS)).await);
    let off = done(world.store.rotate_refresh(exchange(21, 23, START_MS)).await);
    assert!(matches!(off, Rotation::Reused(_)), "without a grace nothing is repeated");
}

/// Whichever answer of a repeated exchange arrived: its token works, even later; using another one of them is reuse.
pub async fn one_answer_of_a_repeat_counts(world: World) {
    let later_ms = START_MS + GRACE_MS + 1;
    let user = world.user().await;
    for (number, device) in ["first", "second", "third"].into_iter().enumerate() {
        let base = 10 * number as u8;
        done(world.store.put_device(device_row(user, device, base, START_MS)).await);
        for new in 1..=3 {
            done(world.store.rotate_refresh(exchange_again(base, base + new, START_MS)).await);
        }
        let arrived = base + 1 + number as u8;
        let used = done(world.store.rotate_refresh(exchange_again(arrived, base + 4, later_ms)).await);
        assert!(matches!(used, Rotation::Rotated(ref row) if row.refresh_hash == [base + 4; 32]), "{device}: {used:?}");
        let again = done(world.store.rotate_refresh(exchange_again(arrived, base + 5, later_ms)).await);
        assert!(matches!(again, Rotation::Rotated(_)), "{device}: this answer may be lost too");
        let other = base + 1 + (number as u8 + 1) % 3;
        let stolen = done(world.store.rotate_refresh(exchange_again(other, base + 6, later_ms)).await);
        assert!(matches!(stolen, Rotation::Reused(ref row) if row.device_id == device), "{device}: {stolen:?}");
    }
}

/// From its last millisecond on a token is refused, and the device stays as it is.
pub async fn refresh_tokens_expire(world: World) {
    let user = world.user().await;
    done(world.store.put_device(device_row(user, "a", 1, START_MS)).await);
    let late = world.store.rotate_refresh(exchange(1, 2, START_MS + 1_000)).await;
    assert_eq!(refused(late), Refusal::WindowPassed);
    assert!(done(world.store.lookup_device("a").await).is_some_and(|device| !device.revoked));
    done(world.store.rotate_refresh(exchange(1, 2, START_MS + 999)).await);
}

/// Blocking twice is one change; a pull says what is blocked and what no longer is.
pub async fn blocks_move_the_timeline_once(world: World) {
    let [ann, bob] = world.users().await;
    let before = world.version(ann).await;
    let version = done(world.store.set_blocked(ann, bob, true).await);
    assert!(version > before);
    assert_eq!(done(world.store.set_blocked(ann, bob, true).await), version);
    assert_eq!(done(world.store.list_blocked(ann).await), [bob]);
    assert!(done(world.store.list_blocked(bob).await).is_empty());
    let blocks = world.pull(ann, before).await.blocks;
    assert_eq!(blocks.iter().map(|block| (block.user_id, block.blocked)).collect::<Vec<_>>(), [(bob.0, true)]);
    done(world.store.set_blocked(ann, bob, false).await);
    assert!(done(world.store.list_blocked(ann).await).is_empty());
    let blocks = world.pull(ann, version).await.blocks;
    assert_eq!(blocks.iter().map(|block| (block.user_id, block.blocked)).collect::<Vec<_>>(), [(bob.0, false)]);
}

/// A thousand keys; a known one can still be changed, and removing one makes room.
pub async fn settings_are_limited(world: World) {
    let user = world.user().await;
    let before = world.version(user).await;
    for number in 0..1_000 {
        done(world.store.put_setting(user, &format!("key{number}"), "value").await);
    }
    assert_eq!(refused(world.store.put_setting(user, "another", "value").await), Refusal::LimitReached);
    let version = done(world.store.put_setting(user, "key1", "changed").await);
    done(world.store.put_setting(user, "key2", "").await);
    done(world.store.put_setting(user, "another", "value").await);
    assert_eq!(version, before + 1_001);
    let changed = world.pull(user, version - 1).await.settings;
    let mut changed: Vec<_> = changed.iter().map(|setting| (setting.key.as_str(), setting.value.as_str())).collect();
    changed.sort_unstable();
    assert_eq!(changed, [("another", "value"), ("key1", "changed"), ("key2", "")]);
}

/// The first candidate wins for good.
pub async fn secrets_are_made_once(world: World) {
    assert_eq!(done(world.store.secret("tokens", vec![1, 2]).await), [1, 2]);
    assert_eq!(done(world.store.secret("tokens", vec![3]).await), [1, 2]);
    assert_eq!(done(world.store.secret("other", vec![3]).await), [3]);
}
