//! The answers of the web app: content types, caching, and what a browser may do with the pages.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use super::{Files, encoding};

/// Where the build puts files whose names carry a hash of their content.
const HASHED: &str = "assets/";
/// Such a file never changes under its name.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again, and mostly answered with 304.
const ASK_AGAIN: &str = "no-cache";

/// Scripts and styles come from this server and are never inline; nothing may put the app into a frame. `connect-src 'self'` covers
/// the WebSocket of the same host too, as CSP 3 has it: browsers that read it otherwise are older than the app supports.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; \
     worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What the pages never ask a browser for.
const PERMISSIONS_POLICY: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// On every answer of the app.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
];

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Skein</title>
<h1>Skein is running, without its web app</h1>
<p>The web app was not built when this binary was compiled. Stop the server and run <code>make run</code>: it builds both.</p>
<p>Everything else works: <code>skein chat</code> talks to this server from a terminal.</p>
</html>
";

/// The file in the best form for these request headers, or 304; `None` when it is not compiled in.
pub(super) fn file(name: &str, request: &HeaderMap) -> Option<Response> {
    let choice = encoding::choose(name, request, |form| Files::get(form).is_some());
    let file = Files::get(&choice.name)?;
    let etag = etag(&file.metadata.sha256_hash());
    let unchanged = names(request, &etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(Bytes::from_owner(file.data)).into_response()
    };
    let headers = response.headers_mut();
    if !unchanged {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
        if let Some(encoding) = choice.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    if choice.varies {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let caching = if name.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    Some(secured(response))
}

/// The page in place of an app that is not there. Not a success, so that nobody who waits for the app takes it for the app.
pub(super) fn not_built() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    secured((StatusCode::NOT_FOUND, headers, NOT_BUILT).into_response())
}

/// The answer to a method other than the two that read.
pub(super) fn wrong_method() -> Response {
    let headers = [(header::ALLOW, "GET, HEAD"), (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    secured((StatusCode::METHOD_NOT_ALLOWED, headers, "only GET and HEAD work here\n").into_response())
}

/// The answer to HEAD: all headers of the answer to GET, and its length.
pub(super) fn without_body(response: Response) -> Response {
    use axum::body::HttpBody as _;
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| parts.status != StatusCode::NOT_MODIFIED) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::empty())
}

fn secured(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A strong tag: each form of a file has its own.
fn etag(hash: &[u8; 32]) -> String {
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether `if-none-match` names this tag. A proxy that compressed on its own may have made it weak.
fn names(request: &HeaderMap, etag: &str) -> bool {
    let listed = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "webmanifest" => "application/manifest+json; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists_weak_or_strong() {
        for (sent, expected) in
            [("\"a\"", true), ("\"b\", \"a\"", true), ("W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            assert_eq!(names(&headers, "\"a\""), expected, "{sent}");
        }
        assert!(!names(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn text_says_its_charset() {
        for name in ["index.html", "assets/a.js", "assets/a.css", "favicon.svg", "manifest.webmanifest"] {
            assert!(content_type(name).ends_with("; charset=utf-8"), "{name}");
        }
        assert_eq!(content_type("a.unknown"), "application/octet-stream");
    }
}
