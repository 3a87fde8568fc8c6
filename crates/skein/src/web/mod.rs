//! The web app: its built files, compiled in, and the HTTP that serves them. What they do is none of this room's business.
//!
//! In reading order: this file (which file answers a path), `response` (with which headers), `encoding` (in which of its compressed forms).

mod encoding;
mod response;

use axum::{
    Router,
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use rust_embed::RustEmbed;

/// What `npm run build` made; nothing when it did not run before the compiler.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// The page of the app; it draws all of its addresses itself.
const INDEX: &str = "index.html";

/// Whether the app is compiled in.
pub fn is_built() -> bool {
    Files::get(INDEX).is_some()
}

/// Answers the paths of the app, and says of all others that nothing is there.
pub fn router() -> Router {
    Router::new().fallback(answer)
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let Some(name) = file_of(uri.path(), wants_html(&headers)) else { return skein_access::nothing().await };
    if method != Method::GET && method != Method::HEAD {
        return response::wrong_method();
    }
    let whole = response::file(name, &headers).unwrap_or_else(response::not_built);
    if method == Method::HEAD { response::without_body(whole) } else { whole }
}

/// The file that answers this path. An address without a file extension is the app's own if it is a page that is asked for.
fn file_of(path: &str, wants_html: bool) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    if name.is_empty() {
        return Some(INDEX);
    }
    if !encoding::is_compressed(name) && Files::get(name).is_some() {
        return Some(name);
    }
    let leaf = name.rsplit('/').next().unwrap_or_default();
    (wants_html && !leaf.contains('.') && is_built()).then_some(INDEX)
}

/// Whether a browser asks for a page: scripts accept anything, and are to learn that nothing is there.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("text/html"))
    })
}
