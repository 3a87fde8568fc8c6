//! Which pages may call us: callers are known by their tokens, never by cookies, and still a deployment decides whose pages it serves.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use skein_proto::v1::ErrorCode;

use super::{Http, failure};
use crate::measure;

/// Every page.
const ANY: &str = "*";

/// Refuses pages of origins that are not allowed, and tells browsers about the others.
pub(super) async fn checked(State(http): State<Http>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).cloned();
    if let Some(origin) = &origin
        && !is_allowed(origin, headers.get(header::HOST), &http.shared.config.allowed_origins)
    {
        measure::refused("origin");
        let text = "pages of this origin may not call this server; see access.allowed_origins";
        return failure::response(StatusCode::FORBIDDEN, ErrorCode::Forbidden, text);
    }
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    open_to(headers, origin);
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, skein-session, connect-protocol-version, connect-timeout-ms",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }
    response
}

/// Lets pages of this origin read the answer; without one, whoever asks.
pub(super) fn open_to(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.unwrap_or(HeaderValue::from_static(ANY)));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANY));
}

/// Pages that came from here may always call us.
pub(crate) fn is_allowed(origin: &HeaderValue, host: Option<&HeaderValue>, allowed: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let own = origin.split_once("://").map(|(_, place)| place);
    let host = host.and_then(|host| host.to_str().ok());
    let same = own.is_some() && own == host;
    same || allowed.iter().any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &'static str, host: &'static str, list: &[&str]) -> bool {
        let list: Vec<String> = list.iter().map(|origin| (*origin).to_owned()).collect();
        is_allowed(&HeaderValue::from_static(origin), Some(&HeaderValue::from_static(host)), &list)
    }

    #[test]
    fn own_pages_and_listed_ones_may_and_others_not() {
        assert!(allowed("https://chat.example", "chat.example", &[]));
        assert!(allowed("http://127.0.0.1:7700", "127.0.0.1:7700", &[]));
        assert!(!allowed("http://127.0.0.1:7701", "127.0.0.1:7700", &[]));
        assert!(!allowed("https://evil.example", "chat.example", &["https://shop.example"]));
        assert!(allowed("https://Shop.example", "chat.example", &["https://shop.example"]));
        assert!(!allowed("https://shop.example.evil", "chat.example", &["https://shop.example"]));
        assert!(!allowed("null", "chat.example", &[]) && allowed("null", "chat.example", &["*"]));
        assert!(!allowed("", "", &[]));
    }
}
