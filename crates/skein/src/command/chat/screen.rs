//! The full screen: what it shows, drawn from a plain description, so that it can be tested without a terminal.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, List, ListItem, ListState, Paragraph, Wrap},
};

use super::command::HELP;

/// One conversation in the list.
#[derive(Clone, Debug)]
pub struct ListedConversation {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Messages not read.
    pub unread: u64,
    /// Whether an unread one mentions this person.
    pub mentioned: bool,
    /// Whether it is pinned.
    pub pinned: bool,
}

/// One message in the open conversation.
#[derive(Clone, Debug)]
pub struct ShownMessage {
    /// Who; empty for lines of the system.
    pub sender: String,
    /// Whether it is one's own.
    pub own: bool,
    /// Hours and minutes.
    pub time: String,
    /// What.
    pub text: String,
}

/// Everything on the screen.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The list, sorted.
    pub conversations: Vec<ListedConversation>,
    /// Title of the open one.
    pub title: String,
    /// Id of the open one.
    pub open: Option<String>,
    /// Its messages, oldest first.
    pub messages: Vec<ShownMessage>,
    /// How many lines the view is scrolled up from the end.
    pub scroll: usize,
    /// Who writes there just now.
    pub typing: Vec<String>,
    /// What is being typed.
    pub input: String,
    /// Whether there is a connection.
    pub online: bool,
    /// The last thing to say.
    pub notice: String,
    /// Who this is.
    pub me: String,
    /// Shows what can be typed instead of the conversation.
    pub help: bool,
}

const KEYS: &str = " Enter send   ↑↓ conversation   PgUp/PgDn scroll   /help commands   Ctrl-C leave";

/// Draws the view.
pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let [main, status] = Layout::vertical([Constraint::Min(5), Constraint::Length(1)]).areas(frame.area());
    let [left, right] = Layout::horizontal([Constraint::Length(28), Constraint::Min(20)]).areas(main);
    let [history, input] = Layout::vertical([Constraint::Min(3), Constraint::Length(3)]).areas(right);
    draw_list(frame, left, view);
    draw_history(frame, history, view);
    draw_input(frame, input, view);
    draw_status(frame, status, view);
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let items = view.conversations.iter().map(|conversation| {
        let pin = if conversation.pinned { "* " } else { "" };
        let mut spans = vec![Span::raw(format!("{pin}{}", conversation.title))];
        if conversation.unread > 0 {
            let mark = if conversation.mentioned { "@" } else { "" };
            let style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
            spans.push(Span::styled(format!(" {mark}{}", conversation.unread), style));
        }
        ListItem::new(Line::from(spans))
    });
    let list = List::new(items)
        .block(Block::new().borders(Borders::ALL).title(format!(" {} ", view.me)))
        .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let selected = view.conversations.iter().position(|conversation| Some(&conversation.id) == view.open.as_ref());
    let mut state = ListState::default().with_selected(selected);
    frame.render_stateful_widget(list, area, &mut state);
}

fn draw_history(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::new().borders(Borders::ALL).title(format!(" {} ", view.title));
    if view.help {
        frame.render_widget(Paragraph::new(HELP).block(block.title(" what can be typed; any key goes back ")), area);
        return;
    }
    if view.open.is_none() {
        let hint = "Write /to NAME to talk to somebody, or choose a conversation with the arrow keys.";
        frame.render_widget(Paragraph::new(hint).wrap(Wrap { trim: true }).block(block), area);
        return;
    }
    let lines: Vec<Line<'_>> = view.messages.iter().map(message_line).collect();
    let paragraph = Paragraph::new(lines).wrap(Wrap { trim: false });
    let inner = block.inner(area);
    let height = paragraph.line_count(inner.width);
    let end = height.saturating_sub(usize::from(inner.height));
    let top = end.saturating_sub(view.scroll);
    frame.render_widget(block, area);
    frame.render_widget(paragraph.scroll((u16::try_from(top).unwrap_or(u16::MAX), 0)), inner);
}

fn message_line(message: &ShownMessage) -> Line<'_> {
    let time = Span::styled(format!("{} ", message.time), Style::new().fg(Color::DarkGray));
    if message.sender.is_empty() {
        return Line::from(vec![time, Span::styled(message.text.as_str(), Style::new().fg(Color::DarkGray))]);
    }
    let colour = if message.own { Color::Green } else { Color::Cyan };
    let sender = Span::styled(format!("{}: ", message.sender), Style::new().fg(colour).add_modifier(Modifier::BOLD));
    Line::from(vec![time, sender, Span::raw(message.text.as_str())])
}

/// Who writes, in words; empty when nobody does.
fn typing_words(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!(" {one} is typing … "),
        [one, other] => format!(" {one} and {other} are typing … "),
        [one, other, ..] => format!(" {one}, {other} and others are typing … "),
    }
}

fn draw_input(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::new().borders(Borders::ALL).title(typing_words(&view.typing));
    let inner = block.inner(area);
    let width = Span::raw(view.input.as_str()).width();
    let hidden = (width + 1).saturating_sub(usize::from(inner.width));
    let paragraph = Paragraph::new(view.input.as_str()).scroll((0, u16::try_from(hidden).unwrap_or(u16::MAX)));
    frame.render_widget(paragraph.block(block), area);
    frame.set_cursor_position((inner.x + (width - hidden.min(width)) as u16, inner.y));
}

fn draw_status(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let (word, colour) = if view.online { ("online", Color::Green) } else { ("offline, reconnecting", Color::Red) };
    let rest = if view.notice.is_empty() { KEYS.to_owned() } else { format!("  {}", view.notice) };
    let line = Line::from(vec![Span::styled(format!(" {word}"), Style::new().fg(colour)), Span::raw(rest)]);
    frame.render_widget(Paragraph::new(line), area);
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;

    fn drawn(view: &View) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, 12)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        terminal.backend().to_string()
    }

    fn view() -> View {
        let listed = |id: &str, title: &str, unread, pinned| ListedConversation {
            id: id.to_owned(),
            title: title.to_owned(),
            unread,
            mentioned: unread > 1,
            pinned,
        };
        let message = |sender: &str, own, text: &str| ShownMessage {
            sender: sender.to_owned(),
            own,
            time: "12:03".to_owned(),
            text: text.to_owned(),
        };
        View {
            conversations: vec![listed("g1", "walks", 3, true), listed("1:2", "bob", 0, false)],
            title: "bob".to_owned(),
            open: Some("1:2".to_owned()),
            messages: vec![
                message("bob", false, "hello"),
                message("ann", true, "你好"),
                message("", false, "bob left"),
            ],
            input: "a reply".to_owned(),
            online: true,
            me: "ann".to_owned(),
            ..View::default()
        }
    }

    #[test]
    fn the_screen_shows_list_history_input_and_state() {
        let text = drawn(&view());
        for part in ["* walks @3", "bob: hello", "ann: 你", "12:03 bob left", "a reply", "online", "Enter send"] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }

    #[test]
    fn who_writes_is_shown_above_the_input() {
        assert!(!drawn(&view()).contains("typing"));
        for (names, words) in [
            (&["bob"][..], "bob is typing …"),
            (&["bob", "cid"], "bob and cid are typing …"),
            (&["bob", "cid", "dan"], "bob, cid and others are typing …"),
        ] {
            let typing = names.iter().map(|name| (*name).to_owned()).collect();
            let text = drawn(&View { typing, ..view() });
            assert!(text.contains(words), "{words:?} is missing in\n{text}");
        }
    }

    #[test]
    fn long_histories_show_their_end_and_scroll_up() {
        let mut view = view();
        view.messages = (0..50)
            .map(|number| ShownMessage {
                sender: "bob".to_owned(),
                own: false,
                time: "12:03".to_owned(),
                text: format!("message {number}"),
            })
            .collect();
        assert!(drawn(&view).contains("message 49"));
        view.scroll = 10;
        let text = drawn(&view);
        assert!(text.contains("message 39") && !text.contains("message 49"), "{text}");
    }

    #[test]
    fn help_lists_every_command() {
        let text = drawn(&View { help: true, ..view() });
        assert!(text.contains("/to NAME") && text.contains("/history [N]") && !text.contains("bob: hello"), "{text}");
    }

    #[test]
    fn without_a_connection_it_says_so() {
        let view = View { online: false, open: None, ..view() };
        let text = drawn(&view);
        assert!(text.contains("offline") && text.contains("/to NAME"), "{text}");
    }
}
