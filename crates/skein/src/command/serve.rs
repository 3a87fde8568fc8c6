//! `skein serve`: assembles store, bus, service and access, and stops them in the opposite order.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use skein_access::{Access, Offer};
use skein_bus::BusEnds;
use skein_service::{Gate, RemoteService};

use super::Outcome;
use crate::{
    cluster,
    config::{Config, Role, StoreEngine},
    lifecycle::Signals,
    rules::Rules,
    web,
};

/// Flags win over the environment (SKEIN__SECTION__KEY), which wins over the file.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration file (TOML); every key has a default
    #[arg(long, env = "SKEIN_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything durable lives [default: ./data]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Address for HTTP and WebSocket, e.g. 0.0.0.0:7700; port 0 picks a free one
    #[arg(long)]
    listen: Option<String>,
    /// Address for the binary protocol over plain TCP, for native clients and devices
    #[arg(long)]
    tcp: Option<String>,
    /// Address for the same over QUIC (UDP), which outlives a change of networks; needs a certificate
    #[arg(long)]
    quic: Option<String>,
    /// What this node is there for, in a cluster [default: all]
    #[arg(long)]
    role: Option<Role>,
    /// Serve TLS with a self-signed development certificate, written to the data directory
    #[arg(long)]
    tls_self_signed: bool,
}

/// Runs until SIGINT or SIGTERM, or an order to drain, and then until its links are with other nodes.
pub async fn run(args: Args) -> Outcome {
    let config = configure(args)?;
    // Before the layers, so that nothing they count is lost.
    skein_access::start_metrics()?;
    let BusEnds { bus, deliveries, calls } = cluster::join(&config).await?;
    let (gate, rules) = match config.role {
        Role::Access => (Gate::Elsewhere(RemoteService::new(bus.clone(), config.admin.event_streams_max)), None),
        Role::All | Role::Service => {
            let rules = Rules::start(&config, bus.clone(), calls).await?;
            (Gate::Here(rules.service()), Some(rules))
        }
    };
    let offer = if config.role == Role::Service { Offer::Status } else { Offer::Everything(web::router()) };
    let access = Access::start(config.access.clone(), gate, bus.clone(), deliveries, offer).await?;
    let mut signals = Signals::listen()?;
    announce(&config, &access);
    let patience = tokio::select! {
        patience = signals.until_drained(&access) => patience,
        () = failed(rules.as_ref()) => return Err("the disk failed; what was acked is safe, start again when it works".into()),
    };
    tracing::info!("stopping: links are told to reconnect, what was accepted is on disk");
    tokio::join!(signals.shut_down(access, patience), async {
        if let Some(rules) = &rules {
            rules.stop().await;
        }
    });
    bus.close().await;
    if let Some(rules) = rules {
        rules.close().await;
    }
    Ok(())
}

/// Waits until the disk fails; forever without one.
async fn failed(rules: Option<&Rules>) {
    match rules {
        Some(rules) => rules.failed().await,
        None => std::future::pending().await,
    }
}

fn configure(args: Args) -> Result<Config, crate::command::Error> {
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    if let Some(listen) = args.listen {
        config.access.listen = listen;
    }
    if args.tcp.is_some() {
        config.access.tcp_listen = args.tcp;
    }
    if args.quic.is_some() {
        config.access.quic_listen = args.quic;
    }
    if let Some(role) = args.role {
        config.role = role;
    }
    if args.tls_self_signed {
        config.access.tls = skein_access::TlsConfig::SelfSigned { dir: config.data_dir.join("tls") };
    }
    Ok(config)
}

/// Prints where the server is: the first line for scripts, the rest for people. Nobody has to read it.
fn announce(config: &Config, access: &Access) {
    let http = access.local_addr();
    let scheme = if config.access.tls.is_on() { "https" } else { "http" };
    let tcp = access.tcp_addr().map(|tcp| format!(" tcp={tcp}")).unwrap_or_default();
    let quic = access.quic_addr().map(|quic| format!(" quic={quic}")).unwrap_or_default();
    let data = match config.store.engine {
        _ if config.role == Role::Access => "that of the service nodes".to_owned(),
        StoreEngine::Sqlite => config.data_dir.display().to_string(),
        StoreEngine::Postgres => "PostgreSQL".to_owned(),
    };
    let address = format!("{scheme}://{}", reachable(http));
    let browser = if web::is_built() { address.as_str() } else { "the web app was not built; `make run` builds it" };
    let text = format!(
        "SKEIN LISTENING http={http}{tcp}{quic}\n\
         \n  \
           Skein {} is ready, its data is in {data}\n\
         \n  \
           Open in a browser         {browser}\n  \
           Chat in another terminal  skein chat --server {address} --register --user <name>\n\
         \n",
        env!("CARGO_PKG_VERSION"),
    );
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// An address to type on this machine: "every interface" is not one.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_is_shown_as_this_machine() {
        for (listening, shown) in
            [("0.0.0.0:7700", "127.0.0.1:7700"), ("[::]:1", "[::1]:1"), ("192.0.2.7:80", "192.0.2.7:80")]
        {
            assert_eq!(reachable(listening.parse().unwrap()).to_string(), shown);
        }
    }
}
