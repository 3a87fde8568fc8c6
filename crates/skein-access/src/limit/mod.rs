//! Who may do how much: bounds on what one address or one person can take from the others.
//!
//! In reading order: `bucket` (how often), …

mod bucket;

pub(crate) use bucket::Buckets;
