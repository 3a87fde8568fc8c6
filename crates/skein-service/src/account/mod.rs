//! Accounts: who somebody is, on which devices.

mod block;
mod change_password;
mod device;
mod exchange_host_token;
mod find_user;
mod log_in;
mod log_out;
mod password;
mod profile;
mod refresh_token;
mod register;
mod setting;

pub(crate) use log_in::check_active;
