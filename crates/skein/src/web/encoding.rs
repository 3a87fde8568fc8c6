//! Compressed forms: the build writes `name.br` and `name.gz` beside a file, and the browser says which it takes.

use axum::http::{HeaderMap, header};

/// A compressed form: its name in HTTP and the ending of its file. The better one comes first.
const FORMS: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

/// Whether this is the compressed form of a file rather than a file.
pub(super) fn is_compressed(name: &str) -> bool {
    FORMS.iter().any(|(_, ending)| name.ends_with(ending))
}

/// The form in which to send a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// File to send.
    pub(super) name: String,
    /// Its `content-encoding`; none for the file itself.
    pub(super) encoding: Option<&'static str>,
    /// Whether another request might have been answered with another form.
    pub(super) varies: bool,
}

/// Picks the form that the browser likes best; the file itself when it takes no other.
pub(super) fn choose(name: &str, headers: &HeaderMap, exists: impl Fn(&str) -> bool) -> Choice {
    let accepted: Vec<_> = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).collect();
    let accepted = accepted.join(",");
    let mut choice = Choice { name: name.to_owned(), encoding: None, varies: false };
    let mut best = weight(&accepted, "identity", false);
    for &(encoding, ending) in FORMS {
        let form = format!("{name}{ending}");
        if !exists(&form) {
            continue;
        }
        choice.varies = true;
        let weight = weight(&accepted, encoding, true);
        // Where the browser has no preference, compressed wins over plain, and the first form over the second.
        if weight > best || weight > 0 && weight == best && choice.encoding.is_none() {
            (choice.name, choice.encoding, best) = (form, Some(encoding), weight);
        }
    }
    choice
}

/// How much the browser likes an encoding, in thousandths; 0: not at all, or not named.
fn weight(accepted: &str, encoding: &str, or_any: bool) -> u32 {
    let mut any = 0;
    for item in accepted.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse::<f32>().ok());
        let thousandths = (quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1_000.0) as u32;
        if name.eq_ignore_ascii_case(encoding) {
            return thousandths;
        }
        if name == "*" {
            any = thousandths;
        }
    }
    if or_any { any } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accepted: &str, forms: &[&str]) -> (Option<&'static str>, bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
        let choice = choose("a.js", &headers, |form| forms.contains(&form));
        (choice.encoding, choice.varies)
    }

    #[test]
    fn the_browser_decides_and_brotli_wins_a_tie() {
        let both = ["a.js.br", "a.js.gz"];
        for (accepted, encoding) in [
            ("gzip, deflate, br", Some("br")),
            ("br;q=0.5, GZIP;q=0.8", Some("gzip")),
            ("br;q=0, gzip", Some("gzip")),
            ("*", Some("br")),
            ("*;q=0", None),
            ("br;q=0, gzip;q=0, *", None),
            ("identity, gzip;q=0.5", None),
            ("identity, gzip", Some("gzip")),
            ("br;q=much", None),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(chosen(accepted, &both), (encoding, true), "{accepted:?}");
        }
    }

    #[test]
    fn only_forms_that_exist_are_sent() {
        assert_eq!(chosen("br, gzip", &["a.js.gz"]), (Some("gzip"), true));
        assert_eq!(chosen("br, gzip", &[]), (None, false));
        assert!(is_compressed("assets/a.js.br") && is_compressed("a.gz") && !is_compressed("a.js"));
    }
}
