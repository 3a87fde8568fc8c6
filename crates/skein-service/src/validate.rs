//! Checks of what peers send, before anything is asked of the store.

use skein_proto::{
    id::{ConversationId, UserId},
    limits,
    v1::{self, ErrorCode, content::Body},
};

use crate::{Failure, Result};

/// A conversation id from its text form.
pub(crate) fn conversation_id(text: &str) -> Result<ConversationId> {
    text.parse().map_err(|_| Failure::invalid("conversation_id must look like 12:34 or g56"))
}

/// User ids from a request: none twice, none zero, not too many.
pub(crate) fn user_ids(ids: &[u64], except: UserId) -> Result<Vec<UserId>> {
    if ids.len() > limits::MEMBERS_PER_CALL_MAX {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("at most {} members per call", limits::MEMBERS_PER_CALL_MAX),
        ));
    }
    each_once(ids.iter().map(|id| UserId(*id)).filter(|id| *id != except))
}

/// The same users in order, none twice, none zero.
pub(crate) fn each_once(users: impl Iterator<Item = UserId>) -> Result<Vec<UserId>> {
    let mut users: Vec<UserId> = users.collect();
    users.sort_unstable();
    users.dedup();
    // In order: a zero would be the first.
    if let Some(first) = users.first() {
        user_id(first.0)?;
    }
    Ok(users)
}

/// A user's id from a request.
pub(crate) fn user_id(id: u64) -> Result<UserId> {
    if id == 0 { Err(Failure::invalid("user ids are never 0")) } else { Ok(UserId(id)) }
}

/// A UUID in its usual form, in lower case.
pub(crate) fn uuid(field: &str, text: &str) -> Result<String> {
    let dashes = [8, 13, 18, 23];
    let good = text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if dashes.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
    if good { Ok(text.to_ascii_lowercase()) } else { Err(Failure::invalid(format!("{field} must be a UUID"))) }
}

/// A name that people see: not blank, not too long, no control characters.
pub(crate) fn shown_name(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 || count > limits::NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Failure::invalid(format!(
            "{field} must have 1 to {} printable characters",
            limits::NAME_CHARS_MAX
        )));
    }
    Ok(text.to_owned())
}

/// Free text of a bounded length.
pub(crate) fn bounded(field: &str, text: &str, bytes_max: usize) -> Result<()> {
    if text.len() > bytes_max {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{field} has more than {bytes_max} bytes")));
    }
    Ok(())
}

/// A JSON object, or nothing.
pub(crate) fn json_object(field: &str, text: &str) -> Result<()> {
    bounded(field, text, limits::EXTRA_BYTES_MAX)?;
    let object = text.is_empty() || matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_)));
    if object { Ok(()) } else { Err(Failure::invalid(format!("{field} must be a JSON object"))) }
}

/// The content of a message that a person sends.
pub(crate) fn content(content: &v1::Content) -> Result<()> {
    let size = buffa::Message::encoded_len(content) as usize;
    if size > limits::CONTENT_BYTES_MAX {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("the content has more than {} bytes", limits::CONTENT_BYTES_MAX),
        ));
    }
    json_object("content.extra", &content.extra)?;
    if content.mentions.len() > limits::MENTIONS_MAX {
        return Err(Failure::new(ErrorCode::TooLarge, format!("at most {} mentions", limits::MENTIONS_MAX)));
    }
    match &content.body {
        None => Err(Failure::invalid("content must have a body, for example text")),
        Some(Body::System(_)) => Err(Failure::new(ErrorCode::Forbidden, "system lines are written by the server only")),
        Some(Body::Text(text)) => text_body("content.text", &text.text),
        Some(Body::Markdown(text)) => text_body("content.markdown", &text.text),
        Some(Body::Location(location)) => {
            let good = location.latitude.abs() <= 90.0 && location.longitude.abs() <= 180.0;
            if good { Ok(()) } else { Err(Failure::invalid("latitude is within ±90, longitude within ±180")) }
        }
        Some(Body::Custom(custom)) => custom_body(custom),
        Some(Body::Image(image)) => media(image.media.as_option()),
        Some(Body::Voice(voice)) => media(voice.media.as_option()),
        Some(Body::Video(video)) => media(video.media.as_option()),
        Some(Body::File(file)) => media(file.media.as_option()),
        Some(Body::Sticker(_) | Body::Card(_) | Body::Merged(_) | Body::Link(_)) => Ok(()),
    }
}

fn text_body(field: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Failure::invalid(format!("{field} is empty")));
    }
    bounded(field, text, limits::TEXT_BYTES_MAX)
}

fn custom_body(custom: &v1::Custom) -> Result<()> {
    let namespaced = custom.r#type.split_once('.').is_some_and(|(space, name)| !space.is_empty() && !name.is_empty());
    if !namespaced || custom.r#type.len() > 64 {
        return Err(Failure::invalid("custom.type must be namespaced, like acme.order"));
    }
    let json = custom.json.is_empty() || serde_json::from_str::<serde_json::Value>(&custom.json).is_ok();
    if json { Ok(()) } else { Err(Failure::invalid("custom.json is not JSON")) }
}

fn media(media: Option<&v1::Media>) -> Result<()> {
    let media = media.ok_or_else(|| Failure::invalid("media is missing"))?;
    let web = media.url.is_empty() || media.url.starts_with("https://") || media.url.starts_with("http://");
    match (media.id.is_empty(), media.url.is_empty()) {
        (true, true) => Err(Failure::invalid("media needs an id or a url")),
        _ if !web => Err(Failure::invalid("media.url must be http or https")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_form() {
        assert_eq!(uuid("id", "0190A0B0-1111-7222-8333-444455556666").unwrap(), "0190a0b0-1111-7222-8333-444455556666");
        for wrong in ["", "x", "0190a0b0111172228333444455556666", "0190a0b0-1111-7222-8333-44445555666g"] {
            assert_eq!(uuid("id", wrong).unwrap_err().code, ErrorCode::InvalidArgument);
        }
    }

    #[test]
    fn system_lines_cannot_be_forged() {
        let forged = v1::Content { body: Some(v1::System::default().into()), ..Default::default() };
        assert_eq!(content(&forged).unwrap_err().code, ErrorCode::Forbidden);
    }
}
