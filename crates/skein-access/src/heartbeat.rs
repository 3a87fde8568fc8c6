//! How often a client has to say something: what the operator likes, unless the client asks for something else within bounds.

use skein_proto::v1;

use crate::{config::AccessConfig, registry::LiveSession};

/// The shortest interval that a client may ask for, in milliseconds, unless the operator likes a shorter one.
const SHORTEST_MS: u32 = 10_000;
/// In the background an interval is so many times as long.
const BACKGROUND: u32 = 4;

/// The interval for a client that asks for `wish_ms`; 0: for nothing.
pub(crate) fn granted(config: &AccessConfig, wish_ms: u32) -> u32 {
    let (shortest, longest) = (SHORTEST_MS.min(config.heartbeat_ms), config.heartbeat_max_ms.max(config.heartbeat_ms));
    if wish_ms == 0 { config.heartbeat_ms } else { wish_ms.clamp(shortest, longest) }
}

/// The interval for a hello.
pub(crate) fn agreed(config: &AccessConfig, hello: &v1::Hello) -> u32 {
    let asked = granted(config, hello.heartbeat_ms);
    if hello.background { asked.max(granted(config, config.heartbeat_ms.saturating_mul(BACKGROUND))) } else { asked }
}

/// The interval that a ping asks for, as far as it is granted, from now on; 0 when it asks for none.
pub(crate) fn renegotiate(config: &AccessConfig, session: &LiveSession, ping: &v1::Ping) -> u32 {
    if ping.heartbeat_ms == 0 {
        return 0;
    }
    let granted_ms = granted(config, ping.heartbeat_ms);
    session.lock().heartbeat_ms = granted_ms;
    granted_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed_ms(heartbeat_ms: u32, wish_ms: u32, background: bool) -> u32 {
        let config = AccessConfig { heartbeat_ms, ..AccessConfig::default() };
        agreed(&config, &v1::Hello { heartbeat_ms: wish_ms, background, ..Default::default() })
    }

    #[test]
    fn a_wish_holds_within_bounds() {
        assert_eq!(agreed_ms(30_000, 0, false), 30_000);
        assert_eq!(agreed_ms(30_000, 45_000, false), 45_000);
        assert_eq!(agreed_ms(30_000, 1, false), 10_000);
        assert_eq!(agreed_ms(30_000, u32::MAX, false), 300_000);
        assert_eq!(agreed_ms(500, 1, false), 500, "the operator's own is always allowed");
        assert_eq!(agreed_ms(600_000, 700_000, false), 600_000);
    }

    #[test]
    fn the_background_is_quieter() {
        assert_eq!(agreed_ms(30_000, 0, true), 120_000);
        assert_eq!(agreed_ms(30_000, 240_000, true), 240_000);
        assert_eq!(agreed_ms(100_000, 0, true), 300_000);
    }
}
