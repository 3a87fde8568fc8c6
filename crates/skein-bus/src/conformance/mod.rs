//! The conformance suite: what every bus must do, one case per guarantee.
//!
//! In a test of the bus, at the root of its crate:
//!
//! ```text
//! async fn open() -> (skein_bus::conformance::Join, impl Sized) { /* how a node joins a new cluster, and what keeps it alive */ }
//! skein_bus::conformance_tests!(crate::open; alone, cluster);
//! ```
//!
//! `alone` is for every bus, `cluster` for those with more than one node; both have cases in `room`.

pub mod alone;
pub mod cluster;
pub mod room;
mod world;

pub use world::{Join, TestNode, World};

/// Expands to one `#[tokio::test]` per case of the groups named.
#[macro_export]
macro_rules! conformance_tests {
    ($open:path; $($group:ident),*) => { $($crate::conformance_tests! { @$group $open })* };
    (@alone $open:path) => {
        $crate::conformance_tests! { @cases $open; alone {
            messages_arrive_in_order, devices_of_this_node_are_known, without_a_service_node_nobody_answers, signals_are_handed_and_counted,
            presence_of_this_node_is_known,
        } }
        mod room_alone {
            $crate::conformance_tests! { @cases $open; room { packets_come_in_order_while_a_node_listens } }
        }
    };
    (@cluster $open:path) => {
        $crate::conformance_tests! { @cases $open; cluster {
            a_message_goes_where_its_receivers_are, each_node_gets_one_copy, a_user_on_two_nodes_gets_two,
            messages_to_another_node_arrive_in_order, who_left_gets_nothing, a_late_node_learns_who_is_where,
            who_appears_is_told_to_pull, links_are_closed_everywhere, a_session_ends_on_the_node_that_made_it,
            devices_are_known_across_nodes, a_node_that_leaves_is_forgotten, calls_are_answered,
            calls_of_a_user_keep_their_order, hints_reach_other_nodes, notices_reach_the_others, signals_reach_other_nodes,
            a_node_is_called_by_its_number, presence_is_known_across_nodes,
        } }
        $crate::conformance_tests! { @cases $open; room { packets_reach_the_nodes_that_listen, keys_have_one_place } }
    };
    (@cases $open:path; $group:ident { $($case:ident),* $(,)? }) => {
        mod $group {
            $(#[tokio::test]
            async fn $case() {
                let (join, _guard) = $open().await;
                $crate::conformance::$group::$case($crate::conformance::World::new(join)).await;
            })*
        }
    };
}
