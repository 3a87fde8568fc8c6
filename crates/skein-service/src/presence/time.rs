//! Online time per user and day.

use skein_proto::{id::UserId, v1, v1::ErrorCode};
use skein_store::{
    online::day_of,
    presence::{Days, OnlineDay},
};

use crate::{Caller, Failure, Result, ServerKey, Service};

/// People of one request, and days.
const USERS_MAX: usize = 1_000;
const DAYS_MAX: i64 = 366;

fn to_wire(day: OnlineDay) -> v1::OnlineDay {
    let OnlineDay { user, day, online_ms, first_ms, last_ms } = day;
    v1::OnlineDay {
        user_id: user.0,
        day,
        online_ms,
        first_seen_ms: first_ms,
        last_seen_ms: last_ms,
        ..Default::default()
    }
}

impl Service {
    /// Both 0: today.
    fn days(&self, from: i64, to: i64) -> Result<Days> {
        let offset_ms = self.day_offset_ms();
        let today = day_of(self.now_ms(), offset_ms);
        let (from, to) = if (from, to) == (0, 0) { (today, today) } else { (from, to) };
        if from < 0 || to < from || to - from >= DAYS_MAX {
            let text = format!(
                "from_day and to_day are numbers of days since 1970-01-01, in this order and at most {DAYS_MAX} of them"
            );
            return Err(Failure::invalid(text));
        }
        Ok(Days { from, to, offset_ms })
    }

    /// How long the caller was here on each of these days.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn get_my_online_time(
        &self,
        caller: &Caller,
        request: v1::GetMyOnlineTimeRequest,
    ) -> Result<v1::GetMyOnlineTimeResponse> {
        let days = self.days(request.from_day, request.to_day)?;
        let days = self.store.list_online_days(&[caller.user], days).await?;
        Ok(v1::GetMyOnlineTimeResponse { days: days.into_iter().map(to_wire).collect(), ..Default::default() })
    }

    /// The same of anybody, and how many people were here on each of the days.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`.
    pub(crate) async fn list_online_time(
        &self,
        _: &ServerKey,
        request: v1::ListOnlineTimeRequest,
    ) -> Result<v1::ListOnlineTimeResponse> {
        if request.user_ids.len() > USERS_MAX {
            return Err(Failure::new(ErrorCode::TooLarge, format!("at most {USERS_MAX} people at once")));
        }
        let days = self.days(request.from_day, request.to_day)?;
        let mut users: Vec<UserId> = request.user_ids.into_iter().map(UserId).collect();
        users.sort_unstable();
        users.dedup();
        let active = self.store.count_active_users(days).await?;
        let days = self.store.list_online_days(&users, days).await?;
        Ok(v1::ListOnlineTimeResponse {
            days: days.into_iter().map(to_wire).collect(),
            totals: active
                .into_iter()
                .map(|(day, active_users)| v1::OnlineTotal { day, active_users, ..Default::default() })
                .collect(),
            ..Default::default()
        })
    }
}
