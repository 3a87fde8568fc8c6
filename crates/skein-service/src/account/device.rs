//! Lists the caller's devices.

use skein_proto::v1;

use crate::{Caller, Result, Service};

impl Service {
    /// The devices that are logged in, latest seen first.
    pub(crate) async fn list_devices(
        &self,
        caller: &Caller,
        _request: v1::ListDevicesRequest,
    ) -> Result<v1::ListDevicesResponse> {
        let rows = self.store.list_devices(caller.user).await?;
        let online = self.bus.online_devices(caller.user).await;
        let devices = rows
            .into_iter()
            .map(|row| v1::Device {
                current: row.device_id == *caller.device_id,
                online: online.iter().any(|device| **device == *row.device_id),
                device_id: row.device_id,
                platform: row.platform.into(),
                name: row.name,
                created_time_ms: row.created_time_ms,
                last_seen_time_ms: row.last_seen_time_ms,
                ..Default::default()
            })
            .collect();
        Ok(v1::ListDevicesResponse { devices, ..Default::default() })
    }
}
