//! What may be said on the command line of `cargo xtask cluster`.

use std::path::PathBuf;

use super::Failure;

const USAGE: &str = "usage: cargo xtask cluster [options]

  A private PostgreSQL, a private NATS and three nodes of Skein on loopback, until Ctrl-C.

  --split          two access nodes and two service nodes, instead of three that are everything
  --data-dir DIR   keep the data in DIR and use what is there; otherwise it is temporary
  --port N         the first node listens on port N, the others on the ports behind it; otherwise on free ones
  --binary PATH    run this skein instead of building one

  It prints \"SKEIN CLUSTER READY …\" as soon as all nodes serve. It stops on Ctrl-C, on SIGTERM, and when its parent ends.";

/// The options.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub split: bool,
    pub data_dir: Option<PathBuf>,
    /// Of the first node.
    pub port: Option<u16>,
    pub binary: Option<PathBuf>,
}

impl Options {
    /// `None` when only help was wanted, which is printed then.
    pub fn parse(arguments: &[String]) -> Result<Option<Self>, Failure> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"));
            match name.as_str() {
                "--split" => options.split = true,
                "--data-dir" => options.data_dir = Some(value()?.into()),
                "--binary" => options.binary = Some(value()?.into()),
                "--port" => {
                    let text = value()?;
                    // The ports of all nodes have to exist.
                    let port = text.parse().ok().filter(|port| (1..=u16::MAX - 8).contains(port));
                    options.port = Some(port.ok_or_else(|| format!("{text} is not the number of a port"))?);
                }
                "--help" | "-h" => {
                    println!("{USAGE}");
                    return Ok(None);
                }
                _ => return Err(format!("there is no option {name}\n\n{USAGE}")),
            }
        }
        Ok(Some(options))
    }

    /// The role of each node. Those that answer calls start first.
    pub fn roles(&self) -> &'static [&'static str] {
        if self.split { &["service", "service", "access", "access"] } else { &["all", "all", "all"] }
    }

    /// Where the node of this index listens.
    pub fn listen(&self, index: usize) -> String {
        let port = self.port.map_or(0, |port| usize::from(port) + index);
        format!("127.0.0.1:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let options = parse("--split --data-dir here --port 7700 --binary ./skein").unwrap().unwrap();
        assert_eq!((options.split, options.data_dir), (true, Some("here".into())));
        assert_eq!((options.port, options.binary), (Some(7700), Some("./skein".into())));
        assert_eq!(parse("").unwrap(), Some(Options::default()));
        for (line, complaint) in
            [("--splt", "--splt"), ("--port", "needs a value"), ("--port 70000", "70000"), ("--port 65530", "65530")]
        {
            assert!(parse(line).unwrap_err().contains(complaint), "{line}");
        }
    }

    #[test]
    fn nodes_listen_on_ports_in_a_row_or_on_free_ones() {
        let options = Options { port: Some(7700), ..Options::default() };
        assert_eq!((options.listen(0).as_str(), options.listen(2).as_str()), ("127.0.0.1:7700", "127.0.0.1:7702"));
        assert_eq!(Options::default().listen(2), "127.0.0.1:0");
    }
}
