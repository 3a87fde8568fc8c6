//! What a person can type.

/// One line of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a conversation: a user name, or a group like g12.
    To(String),
    /// Show the conversations.
    List,
    /// Show older messages.
    History(u32),
    /// Mark the open conversation as read.
    Read,
    /// Make a group with these people.
    Group(String, Vec<String>),
    /// Take the last own message back.
    Recall,
    /// Give the last own message this text.
    Edit(String),
    /// Add these people to the open group.
    Add(Vec<String>),
    /// Leave the open group.
    Leave,
    /// Say what can be typed.
    Help,
    /// Leave.
    Quit,
    /// Send this text.
    Say(String),
    /// An empty line.
    Nothing,
}

/// Shown by /help.
pub const HELP: &str = "\
/to NAME            talk to this person, or to a group (g12)
/list               conversations, newest first, with unread counts
/history [N]        the last N messages (default 20)
/read               mark as read
/group NAME A B ... make a group with A, B, ...
/add A B ...        add people to the open group
/leave              leave the open group
/recall             take the last own message back
/edit TEXT          replace the last own message
/quit               leave
anything else       is sent; begin with // to send a text that begins with /";

/// Reads one line. The error says what was wrong.
pub fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return Ok(if line.is_empty() { Command::Nothing } else { Command::Say(line.to_owned()) });
    };
    if command.starts_with('/') {
        return Ok(Command::Say(command.to_owned()));
    }
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let mut rest: Vec<String> = words.map(str::to_owned).collect();
    match (name, rest.len()) {
        ("to", 1) => Ok(Command::To(rest.remove(0))),
        ("list", 0) => Ok(Command::List),
        ("history", 0) => Ok(Command::History(20)),
        ("history", 1) => rest[0].parse().map(Command::History).map_err(|_| "write /history 50".to_owned()),
        ("read", 0) => Ok(Command::Read),
        ("group", 2..) => Ok(Command::Group(rest.remove(0), rest)),
        ("add", 1..) => Ok(Command::Add(rest)),
        ("leave", 0) => Ok(Command::Leave),
        ("recall", 0) => Ok(Command::Recall),
        // The text keeps its spaces.
        ("edit", 1..) => Ok(Command::Edit(command["edit".len()..].trim_start().to_owned())),
        ("help", _) => Ok(Command::Help),
        ("quit" | "exit", _) => Ok(Command::Quit),
        _ => Err(format!("/{name} is not understood that way; /help lists what can be typed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_text() {
        assert_eq!(parse("/to bob"), Ok(Command::To("bob".to_owned())));
        assert_eq!(
            parse("/group walks ann bob"),
            Ok(Command::Group("walks".to_owned(), vec!["ann".into(), "bob".into()]))
        );
        assert_eq!(parse("/history"), Ok(Command::History(20)));
        assert_eq!(parse("//etc/passwd"), Ok(Command::Say("/etc/passwd".to_owned())));
        assert_eq!(parse("  你好 "), Ok(Command::Say("你好".to_owned())));
        assert_eq!(parse("/edit  two  spaces"), Ok(Command::Edit("two  spaces".to_owned())));
        assert_eq!(parse("/add cai"), Ok(Command::Add(vec!["cai".to_owned()])));
        assert_eq!(parse(""), Ok(Command::Nothing));
        for wrong in ["/to", "/to a b", "/history many", "/explode", "/", "/group walks", "/edit", "/add"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
