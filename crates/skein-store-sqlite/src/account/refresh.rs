//! The exchange of refresh tokens. A device has one current token; former ones are kept to tell a repeat from a theft.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_proto::outbox::EventKind;
use skein_store::{
    Refusal, Result,
    account::{DeviceRow, RotateRefresh, Rotation},
};

use super::{find_device, save_device};
use crate::{
    rows::{Stored, number},
    transaction::Transaction,
};

/// A token that is no longer current.
struct Former {
    device_id: String,
    expires_ms: u64,
    /// `None`: it was never used.
    exchanged_ms: Option<u64>,
    successor: Option<[u8; 32]>,
}

impl Former {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            device_id: row.get(0)?,
            expires_ms: number(row, 1)?,
            exchanged_ms: row.get::<_, Option<i64>>(2)?.map(|exchanged| exchanged as u64),
            successor: row.get(3)?,
        })
    }
}

pub(super) fn rotate(transaction: &mut Transaction<'_>, exchange: &RotateRefresh) -> Result<Rotation> {
    let connection = transaction.connection;
    if let Some(device) = find_device(connection, "refresh_hash", exchange.old)? {
        if device.revoked {
            return Err(Refusal::NotFound.into());
        }
        return use_once(connection, device, exchange, None);
    }
    let sql = "SELECT device_id, expires_ms, exchanged_ms, successor FROM former_refresh WHERE hash = ?";
    let former = connection.query_row(sql, [exchange.old], Former::read).optional().stored()?;
    let Some(former) = former else { return Err(Refusal::NotFound.into()) };
    let device = find_device(connection, "device_id", &former.device_id)?.filter(|device| !device.revoked);
    let Some(mut device) = device else { return Err(Refusal::NotFound.into()) };
    if former.successor == Some(device.refresh_hash) {
        match former.exchanged_ms {
            None => return use_once(connection, device, exchange, Some(former.expires_ms)),
            Some(exchanged_ms) if exchange.now_ms < exchanged_ms.saturating_add(exchange.grace_ms) => {
                return repeat(connection, device, exchange, former.expires_ms);
            }
            Some(_) => {}
        }
    }
    device.revoked = true;
    save_device(connection, &device)?;
    let reason = "refresh_token_reused";
    transaction.record_device(EventKind::DeviceLoggedOut, &device.device_id, device.user_id, reason)?;
    Ok(Rotation::Reused(device))
}

/// The first use of a token: the current one, or one in whose place a repeat gave the current one.
fn use_once(
    connection: &Connection,
    device: DeviceRow,
    exchange: &RotateRefresh,
    former_expires_ms: Option<u64>,
) -> Result<Rotation> {
    let current = (device.refresh_hash, device.refresh_expires_ms);
    let expires_ms = former_expires_ms.unwrap_or(current.1);
    check_expiry(expires_ms, exchange)?;
    if former_expires_ms.is_some() {
        keep(connection, &device, current, None, None)?;
    }
    let used = (exchange.old, expires_ms);
    keep(connection, &device, used, Some(exchange.now_ms), Some(exchange.new))?;
    replace(connection, device, exchange)
}

/// One more use of the token that was exchanged last, whose answer was lost.
fn repeat(
    connection: &Connection,
    device: DeviceRow,
    exchange: &RotateRefresh,
    former_expires_ms: u64,
) -> Result<Rotation> {
    check_expiry(former_expires_ms, exchange)?;
    let sql = "UPDATE former_refresh SET successor = ? WHERE successor = ?";
    connection.prepare_cached(sql).stored()?.execute([exchange.new, device.refresh_hash]).stored()?;
    let unused = (device.refresh_hash, device.refresh_expires_ms);
    keep(connection, &device, unused, None, Some(exchange.new))?;
    replace(connection, device, exchange)
}

fn check_expiry(expires_ms: u64, exchange: &RotateRefresh) -> Result<()> {
    if expires_ms <= exchange.now_ms { Err(Refusal::WindowPassed.into()) } else { Ok(()) }
}

fn keep(
    connection: &Connection,
    device: &DeviceRow,
    (hash, expires_ms): ([u8; 32], u64),
    exchanged_ms: Option<u64>,
    successor: Option<[u8; 32]>,
) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO former_refresh (hash, device_id, expires_ms, exchanged_ms, successor) \
               VALUES (?, ?, ?, ?, ?)";
    let exchanged_ms = exchanged_ms.map(|exchanged| exchanged as i64);
    let values = params![hash, device.device_id, expires_ms as i64, exchanged_ms, successor];
    connection.prepare_cached(sql).stored()?.execute(values).stored().map(drop)
}

fn replace(connection: &Connection, mut device: DeviceRow, exchange: &RotateRefresh) -> Result<Rotation> {
    let sql = "DELETE FROM former_refresh WHERE expires_ms <= ?";
    connection.prepare_cached(sql).stored()?.execute([exchange.now_ms as i64]).stored()?;
    device.refresh_hash = exchange.new;
    device.refresh_expires_ms = exchange.expires_ms;
    device.last_seen_time_ms = exchange.now_ms;
    save_device(connection, &device)?;
    Ok(Rotation::Rotated(device))
}
