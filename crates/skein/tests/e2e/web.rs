//! The web app as a browser gets it. Without a build, the page that says so.

use std::{fs, path::PathBuf};

use crate::{
    http::{error_code, head, open, read_body},
    server::Server,
};

const BROWSER: &str = "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

/// What was compiled in, if it was built before.
fn built() -> Option<PathBuf> {
    // Tests run in the folder of their crate.
    let folder = PathBuf::from("../../web/dist");
    folder.join("index.html").is_file().then_some(folder)
}

/// A hashed script of the app.
fn script(folder: &std::path::Path) -> String {
    let names = fs::read_dir(folder.join("assets")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names.into_iter().find(|name| name.ends_with(".js")).expect("an app has a script")
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Whether a browser is told to trust nothing but this server, and no other origin may read it.
    #[track_caller]
    fn assert_secured(&self) {
        let policy = self.header("content-security-policy").unwrap_or_else(|| panic!("no policy in {}", self.head));
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(self.header(name), Some(value), "{name}");
        }
        assert!(self.header("permissions-policy").is_some());
        assert_eq!(self.header("access-control-allow-origin"), None);
    }
}

fn ask(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    let text = format!("{method} {path} HTTP/1.1\r\nhost: skein\r\nconnection: close\r\n{headers}\r\n");
    let mut stream = open(server.http, text.as_bytes());
    let (status, head) = head(&mut stream);
    let body = read_body(&mut stream, &head);
    Answer { status, head, body }
}

#[test]
fn the_page_is_served_everywhere_that_a_browser_asks_for_a_page() {
    let server = Server::start();
    let Some(folder) = built() else {
        let page = ask(&server, "GET", "/", BROWSER);
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
        assert!(String::from_utf8(page.body.clone()).unwrap().contains("make run"));
        page.assert_secured();
        assert_eq!(ask(&server, "GET", "/a/conversation", BROWSER).status, 404);
        return;
    };
    let index = fs::read(folder.join("index.html")).unwrap();
    for (path, headers) in [("/", ""), ("/", BROWSER), ("/index.html", ""), ("/a/conversation", BROWSER)] {
        let page = ask(&server, "GET", path, headers);
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
        assert!(page.body == index, "{path}");
        page.assert_secured();
    }
}

#[test]
fn an_unchanged_page_is_not_sent_again() {
    let server = Server::start();
    if built().is_none() {
        assert_eq!(ask(&server, "GET", "/", "").header("etag"), None);
        return;
    }
    let tag = ask(&server, "GET", "/", "").header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let again = ask(&server, "GET", "/", &format!("if-none-match: \"other\", {tag}\r\n"));
    assert_eq!((again.status, again.header("etag"), again.body.len()), (304, Some(tag.as_str()), 0));
    assert_eq!(again.header("cache-control"), Some("no-cache"));
    assert_eq!(ask(&server, "GET", "/", "if-none-match: \"other\"\r\n").status, 200);
}

#[test]
fn hashed_files_are_kept_for_ever_and_sent_compressed() {
    let server = Server::start();
    let Some(folder) = built() else {
        assert_eq!(ask(&server, "GET", "/assets/index-0.js", BROWSER).status, 404);
        return;
    };
    let path = format!("/assets/{}", script(&folder));
    let mut tags = Vec::new();
    for (encoding, ending) in [("", ""), ("gzip", ".gz"), ("br", ".br")] {
        let Ok(expected) = fs::read(folder.join(format!("{}{ending}", &path[1..]))) else { continue };
        let file = ask(&server, "GET", &path, &format!("accept-encoding: {encoding}\r\n"));
        assert_eq!((file.status, file.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(file.header("content-encoding").unwrap_or_default(), encoding);
        assert!(file.body == expected, "{path}{ending}");
        file.assert_secured();
        if !ending.is_empty() {
            assert_eq!(file.header("vary"), Some("accept-encoding"));
            assert_eq!(ask(&server, "GET", &format!("{path}{ending}"), BROWSER).status, 404, "{ending}");
        }
        tags.push(file.header("etag").unwrap().to_owned());
    }
    let all = tags.len();
    tags.dedup();
    assert_eq!(tags.len(), all, "each form has a tag of its own");
}

#[test]
fn only_reading_works() {
    let server = Server::start();
    let (whole, empty) = (ask(&server, "GET", "/", ""), ask(&server, "HEAD", "/", ""));
    assert_eq!((empty.status, empty.body.len()), (whole.status, 0));
    for name in ["content-type", "content-length", "etag", "cache-control"] {
        assert_eq!(empty.header(name), whole.header(name), "{name}");
    }
    assert_eq!(empty.header("content-length"), Some(whole.body.len().to_string().as_str()));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = ask(&server, method, "/", "content-length: 0\r\n");
        assert_eq!((refused.status, refused.header("allow")), (405, Some("get, head")), "{method}");
        refused.assert_secured();
    }
}

#[test]
fn what_is_not_there_keeps_its_error() {
    let server = Server::start();
    for (path, headers) in [
        ("/nothing", "accept: */*\r\n"),
        ("/nothing/here", ""),
        ("/nothing.png", BROWSER),
        ("/assets/nothing-0.js", BROWSER),
        ("/assets/../index.html.br", BROWSER),
        ("/../Cargo.toml", BROWSER),
        ("/%2e%2e/Cargo.toml", BROWSER),
        ("/skein.v2.AccountService/GetMe.json", BROWSER),
    ] {
        let answer = ask(&server, "GET", path, headers);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(error_code(&serde_json::from_slice(&answer.body).unwrap()), "NOT_FOUND", "{path}");
    }
}
