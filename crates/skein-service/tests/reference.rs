//! The page about events says what the code does: its reference is generated, its examples are decoded.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;
use skein_proto::{DESCRIPTOR_SET, codec::Codec, outbox::EventKind, v1};

const BEGIN: &str = "<!-- reference -->\n";
const END: &str = "<!-- end -->";

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhooks.md")
}

/// The comment behind or above a field in the schema.
fn comment(field: &FieldDescriptor) -> String {
    let message = field.parent_message();
    let file = message.parent_file();
    let proto = file.file_descriptor_proto();
    let message_at = proto.message_type.iter().position(|one| one.name() == message.name()).unwrap();
    let field_at = proto.message_type[message_at].field.iter().position(|one| one.name() == field.name()).unwrap();
    let path = [4, message_at as i32, 2, field_at as i32];
    let info = proto.source_code_info.as_ref().unwrap();
    let location = info.location.iter().find(|location| location.path == path).unwrap();
    let text = format!("{} {}", location.leading_comments(), location.trailing_comments());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn kind_of(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) => message.name().to_owned(),
        Kind::Enum(one) => one.name().to_owned(),
        Kind::Uint64 => "number as string".to_owned(),
        Kind::Uint32 => "number".to_owned(),
        other => format!("{other:?}"),
    };
    if field.is_list() { format!("list of {name}") } else { name }
}

fn reference() -> String {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let mut text = "| type | when | data |\n|---|---|---|\n".to_owned();
    for kind in EventKind::ALL {
        writeln!(text, "| `{kind}` | {} | {} |", kind.text(), kind.data()).unwrap();
    }
    let mut written = BTreeSet::new();
    for kind in EventKind::ALL.iter().filter(|kind| written.insert(kind.data())) {
        let message: MessageDescriptor = pool.get_message_by_name(&format!("skein.v1.{}", kind.data())).unwrap();
        write!(text, "\n**{}**\n\n| field | kind | |\n|---|---|---|\n", message.name()).unwrap();
        for field in message.fields() {
            writeln!(text, "| `{}` | {} | {} |", field.json_name(), kind_of(&field), comment(&field)).unwrap();
        }
    }
    text + "\nMessages named here are those of the [schema](../proto/skein/v1).\n"
}

#[test]
fn the_reference_is_the_code() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let reference = reference();
    if std::env::var_os("SKEIN_WRITE_DOCS").is_some() {
        std::fs::write(page(), format!("{before}{BEGIN}{reference}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            written, reference,
            "docs/webhooks.md is stale: SKEIN_WRITE_DOCS=1 cargo test -p skein-service --test reference"
        );
    }
}

#[test]
fn the_example_is_an_event() {
    let text = std::fs::read_to_string(page()).unwrap();
    let example = text.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let event: Value = serde_json::from_str(example).unwrap();
    assert!(EventKind::ALL.iter().any(|kind| kind.name() == event["type"] && kind.data() == "MessageChanged"));
    let data = serde_json::to_vec(&event["data"]).unwrap();
    let data: v1::MessageChanged = Codec::Json.decode_request(&data).unwrap();
    assert_eq!(serde_json::to_value(&data).unwrap(), event["data"], "no field is missing or named otherwise");
}
