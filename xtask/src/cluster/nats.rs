//! The NATS of a cluster: nothing is stored, and only who knows its token gets in.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Failure, program::Program, stop::Stop};
use crate::packages;

/// Where Debian puts it, beside the path.
const PLACES: &[&str] = &["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/// A running server.
pub struct Nats {
    pub program: Program,
    address: String,
    token: String,
}

impl Nats {
    /// Starts on a free port; what is temporary goes to one directory, the log to the other.
    pub fn start(temporary: &Path, directory: &Path, stop: &Stop) -> Result<Self, Failure> {
        let file =
            PLACES.iter().map(PathBuf::from).find(|path| path.is_file()).or_else(|| packages::find("nats-server"));
        let file = file.ok_or("there is no nats-server")?;
        let token = random().map_err(|error| format!("no randomness: {error}"))?;
        let configuration = temporary.join("nats.conf");
        let write = |port: &str| {
            let text = format!(
                "listen: \"127.0.0.1:{port}\"\nports_file_dir: \"{}\"\nauthorization {{ token: \"{token}\" }}\n",
                temporary.display()
            );
            fs::write(&configuration, text).map_err(|error| format!("{}: {error}", configuration.display()))
        };
        // The server looks for a port, and writes down which.
        write("-1")?;
        let mut program = Program::new("NATS".to_owned(), file, directory.join("nats.log"), |program| {
            ports_file(program).is_some_and(|path| path.exists())
        });
        program.arguments = vec!["-c".to_owned(), configuration.display().to_string()];
        program.start(stop)?;
        let ports = ports_file(&program).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let address = ports.split('"').find_map(|text| text.strip_prefix("nats://")).ok_or("NATS has no address")?;
        // If it has to be started again, nodes look for it where it was.
        write(address.rsplit(':').next().unwrap_or_default())?;
        Ok(Self { program, address: address.to_owned(), token })
    }

    /// With the token, for whoever wants to look inside.
    pub fn url(&self) -> String {
        format!("nats://{}@{}", self.token, self.address)
    }

    /// What a node has to know.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SKEIN__BUS__ENGINE", "nats".to_owned()),
            ("SKEIN__BUS__NATS__URLS", format!("[\"nats://{}\"]", self.address)),
            ("SKEIN__BUS__NATS__TOKEN", format!("\"{}\"", self.token)),
        ]
    }
}

/// The file with the ports, beside the configuration. Its name has the process in it, so that one of an earlier process is not taken for it.
fn ports_file(program: &Program) -> Option<PathBuf> {
    let configuration = Path::new(program.arguments.last()?);
    Some(configuration.with_file_name(format!("nats-server_{}.ports", program.pid())))
}

fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
