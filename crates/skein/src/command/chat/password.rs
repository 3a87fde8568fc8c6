//! Asks who somebody is: for a name, and for a password without showing it.

use std::io::{self, Write as _};

use ratatui::crossterm::{
    event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    terminal,
};

/// Reads a user name.
pub fn ask_name() -> io::Result<String> {
    print!("User name: ");
    io::stdout().flush()?;
    let mut name = String::new();
    io::stdin().read_line(&mut name)?;
    Ok(name.trim().to_owned())
}

/// Reads up to Enter; Ctrl-C gives up.
pub fn ask(user: &str) -> io::Result<String> {
    print!("Password of {user}: ");
    io::stdout().flush()?;
    terminal::enable_raw_mode()?;
    let password = read();
    terminal::disable_raw_mode()?;
    println!();
    password
}

fn read() -> io::Result<String> {
    let mut password = String::new();
    loop {
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(password),
            KeyCode::Backspace => drop(password.pop()),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "no password given"));
            }
            KeyCode::Char(character) => password.push(character),
            _ => {}
        }
    }
}
