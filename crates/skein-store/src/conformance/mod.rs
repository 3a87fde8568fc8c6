//! The conformance suite: what every engine must do, one case per guarantee. An engine's tests open an empty store for each case.
//!
//! In a test of the engine, at the root of its crate:
//!
//! ```text
//! async fn open() -> (std::sync::Arc<dyn skein_store::Store>, impl Sized) { /* a new store, and what keeps its files alive */ }
//! skein_store::conformance_tests!(crate::open);
//! skein_store::conformance_tests!(durable crate::open);
//! ```
//!
//! To add a case: a public function in the file of its subject, and its name in [`conformance_tests`](crate::conformance_tests).

pub mod account;
pub mod conversation;
pub mod group;
pub mod mailing;
pub mod message;
pub mod outbox;
pub mod presence;
pub mod random;
pub mod receipt;
pub mod roster;
pub mod sync;
mod world;

pub use world::World;

/// Engines under test are opened with this threshold: groups with more members write nothing per member on a send.
pub const LARGE_GROUP_MEMBERS: u32 = 8;

/// Expands to one `#[tokio::test]` per case. The argument is the full path of an async function that opens an empty store. With `durable` before it,
/// the cases are those of the outbox and of mailings.
#[macro_export]
macro_rules! conformance_tests {
    ($open:path) => {
        $crate::conformance_tests! { @cases $open;
            account {
                user_names_are_unique, users_are_found, profiles_change_by_field, unknown_users_are_refused,
                passwords_and_states_are_kept, logging_in_again_raises_the_generation, devices_are_limited,
                devices_are_revoked_once, refresh_tokens_rotate, used_refresh_tokens_revoke, lost_answers_are_repeated,
                one_answer_of_a_repeat_counts, refresh_tokens_expire,
                blocks_move_the_timeline_once, settings_are_limited, secrets_are_made_once,
            }
            conversation {
                entries_are_complete, strangers_have_no_entry, entries_change_by_field, refusing_mutes_the_pushes,
                pinned_entries_sort_above,
                cleared_messages_never_return, hidden_entries_come_back, writing_to_oneself_works,
                audiences_are_those_who_hear,
            }
            message {
                first_message_makes_the_conversation, seqs_are_contiguous_under_concurrency, sends_polled_once_keep_their_order,
                repeats_give_the_first_answer,
                client_ids_belong_to_their_sender, strangers_cannot_write, blocked_senders_are_refused,
                time_never_goes_back, options_are_kept, mentions_mark_the_entry, recall_blanks, recall_is_fenced,
                admins_recall, edits_keep_history, edits_are_fenced, hidden_messages_never_return,
                only_readable_messages_are_listed,
            }
            group {
                creation_is_idempotent, creation_is_fenced, names_change, doubled_users_count_once, roles_decide,
                ownership_moves, leaving_ends_membership, pairs_are_no_groups,
            }
            roster {
                new_members_read_from_joining, removed_members_read_nothing, coming_back_starts_afresh,
                changes_are_listed_by_version, one_large_change_is_listed_whole, large_groups_write_no_entries,
                large_groups_show_heads,
            }
            receipt {
                reading_moves_forward_only, reading_and_unread_agree, delivery_does_not_move_the_timeline,
                cursors_of_those_who_could_see, strangers_have_no_cursor,
            }
            presence {
                what_is_seen_is_what_is_allowed, the_invisible_are_not_seen_leaving, online_time_is_counted_by_day,
                silent_nodes_are_found_and_forgotten, a_report_counts_once,
            }
            sync {
                pages_make_the_whole_world, nothing_new_is_empty, bundles_carry_the_newest,
                conversation_pages_make_the_whole, changed_messages_come_again, strangers_pull_nothing,
                history_goes_both_ways,
            }
            random { unread_equals_a_recount, pulling_changes_equals_pulling_all }
        }
    };
    (durable $open:path) => {
        $crate::conformance_tests! { @cases $open;
            outbox {
                only_kinds_that_are_on_are_recorded, changes_of_conversations_are_recorded, changes_of_accounts_are_recorded,
                events_are_listed_in_order, waiting_ends_with_an_event, lanes_are_claimed_in_order, failing_lanes_wait_alone,
                leases_end, dead_events_are_kept, consumers_are_switched, claims_are_bounded_and_filtered,
                old_events_are_trimmed,
            }
            mailing {
                mailings_are_made_once, targets_are_active_accounts, batches_are_stored_under_lease,
                reports_follow_the_receivers, mailings_are_cancelled,
            }
        }
    };
    (@cases $open:path; $($subject:ident { $($case:ident),* $(,)? })*) => {
        $(mod $subject {
            $(#[tokio::test]
            async fn $case() {
                let (store, _guard) = $open().await;
                $crate::conformance::$subject::$case($crate::conformance::World::new(store)).await;
            })*
        })*
    };
}
