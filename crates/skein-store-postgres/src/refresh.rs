//! The exchange of refresh tokens. A device has one current token; former ones are kept to tell a repeat from a theft.

use async_trait::async_trait;
use skein_proto::outbox::EventKind;
use skein_store::{
    Refusal,
    account::{DeviceRow, RotateRefresh, Rotation},
};
use tokio_postgres::Row;

use crate::{
    device::{lock_device, revoke, save_device},
    failure::{Failure, Outcome},
    needs::Needs,
    operation::Operation,
    pool::{execute, query_opt},
    rows::number,
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
    fn read(row: &Row) -> Outcome<Self> {
        let successor: Option<&[u8]> = row.try_get(3)?;
        let whole = |hash: &[u8]| hash.try_into().map_err(|_| Failure::internal("a stored hash has not 32 bytes"));
        Ok(Self {
            device_id: row.try_get(0)?,
            expires_ms: number(row, 1)?,
            exchanged_ms: row.try_get::<_, Option<i64>>(2)?.map(|exchanged| exchanged as u64),
            successor: successor.map(whole).transpose()?,
        })
    }
}

/// One exchange.
pub(crate) struct Exchange(pub RotateRefresh);

#[async_trait]
impl Operation for Exchange {
    type Answer = Rotation;

    fn place(&self) -> u64 {
        u64::from(self.0.old[0])
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Rotation> {
        // The lock makes the second of two uses wait; then the hash is no longer the current one.
        if let Some(device) = lock_device(transaction, "refresh_hash", &self.0.old.as_slice()).await? {
            if device.revoked {
                return Err(Refusal::NotFound.into());
            }
            return self.use_once(transaction, device, None).await;
        }
        let former = self.find_former(transaction).await?.ok_or(Refusal::NotFound)?;
        let device = lock_device(transaction, "device_id", &former.device_id).await?;
        let mut device = device.filter(|device| !device.revoked).ok_or(Refusal::NotFound)?;
        // Another exchange of this device may have been waited for: only under the lock is it said what the token is now.
        let former = self.find_former(transaction).await?.ok_or(Refusal::NotFound)?;
        if former.successor == Some(device.refresh_hash) {
            match former.exchanged_ms {
                None => return self.use_once(transaction, device, Some(former.expires_ms)).await,
                Some(exchanged_ms) if self.0.now_ms < exchanged_ms.saturating_add(self.0.grace_ms) => {
                    return self.repeat(transaction, device, former.expires_ms).await;
                }
                Some(_) => {}
            }
        }
        device.revoked = true;
        revoke(transaction, &device.device_id).await?;
        let (kind, reason) = (EventKind::DeviceLoggedOut, "refresh_token_reused");
        transaction.record_device(kind, &device.device_id, device.user_id, reason).await?;
        Ok(Rotation::Reused(device))
    }
}

impl Exchange {
    async fn find_former(&self, transaction: &Transaction<'_>) -> Outcome<Option<Former>> {
        let sql = "SELECT device_id, expires_ms, exchanged_ms, successor FROM former_refresh WHERE hash = $1";
        let row = query_opt(transaction.sql, sql, &[&self.0.old.as_slice()]).await?;
        row.map(|row| Former::read(&row)).transpose()
    }

    /// The first use of a token: the current one, or one in whose place a repeat gave the current one.
    async fn use_once(
        &self,
        transaction: &Transaction<'_>,
        device: DeviceRow,
        former_expires_ms: Option<u64>,
    ) -> Outcome<Rotation> {
        let current = (device.refresh_hash, device.refresh_expires_ms);
        let expires_ms = former_expires_ms.unwrap_or(current.1);
        self.check_expiry(expires_ms)?;
        if former_expires_ms.is_some() {
            keep(transaction, &device, current, None, None).await?;
        }
        let used = (self.0.old, expires_ms);
        keep(transaction, &device, used, Some(self.0.now_ms), Some(self.0.new)).await?;
        self.replace(transaction, device).await
    }

    /// One more use of the token that was exchanged last, whose answer was lost.
    async fn repeat(
        &self,
        transaction: &Transaction<'_>,
        device: DeviceRow,
        former_expires_ms: u64,
    ) -> Outcome<Rotation> {
        self.check_expiry(former_expires_ms)?;
        let sql = "UPDATE former_refresh SET successor = $1 WHERE successor = $2";
        execute(transaction.sql, sql, &[&self.0.new.as_slice(), &device.refresh_hash.as_slice()]).await?;
        let unused = (device.refresh_hash, device.refresh_expires_ms);
        keep(transaction, &device, unused, None, Some(self.0.new)).await?;
        self.replace(transaction, device).await
    }

    fn check_expiry(&self, expires_ms: u64) -> Outcome<()> {
        if expires_ms <= self.0.now_ms { Err(Refusal::WindowPassed.into()) } else { Ok(()) }
    }

    async fn replace(&self, transaction: &Transaction<'_>, mut device: DeviceRow) -> Outcome<Rotation> {
        // What another transaction is just removing is left to it.
        let expired = "DELETE FROM former_refresh WHERE hash IN \
             (SELECT hash FROM former_refresh WHERE expires_ms <= $1 LIMIT 100 FOR UPDATE SKIP LOCKED)";
        execute(transaction.sql, expired, &[&(self.0.now_ms as i64)]).await?;
        device.refresh_hash = self.0.new;
        device.refresh_expires_ms = self.0.expires_ms;
        device.last_seen_time_ms = self.0.now_ms;
        save_device(transaction, &device).await?;
        Ok(Rotation::Rotated(device))
    }
}

async fn keep(
    transaction: &Transaction<'_>,
    device: &DeviceRow,
    (hash, expires_ms): ([u8; 32], u64),
    exchanged_ms: Option<u64>,
    successor: Option<[u8; 32]>,
) -> Outcome<()> {
    let sql = "INSERT INTO former_refresh (hash, device_id, expires_ms, exchanged_ms, successor) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (hash) DO UPDATE SET device_id = excluded.device_id, expires_ms = excluded.expires_ms, \
         exchanged_ms = excluded.exchanged_ms, successor = excluded.successor";
    let exchanged_ms = exchanged_ms.map(|exchanged| exchanged as i64);
    let successor = successor.as_ref().map(|hash| hash.as_slice());
    let (hash, expires_ms) = (hash.as_slice(), expires_ms as i64);
    execute(transaction.sql, sql, &[&hash, &device.device_id, &expires_ms, &exchanged_ms, &successor]).await.map(drop)
}
