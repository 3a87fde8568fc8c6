//! The metrics of all layers as text for Prometheus: the recorder that gathers them, and what the system knows about this process.

use std::{fmt::Write as _, fs, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{listen::StartError, measure};

/// Upper ends of the latency buckets, in seconds.
const LATENCY_BUCKETS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// How often samples are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);
/// Ticks of /proc per second; fixed by the kernel's interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// Sets up the recorder of this process. What is counted before is lost, so it comes before the other layers; calling it again changes nothing.
///
/// # Errors
/// Something else records the metrics of this process.
pub fn start_metrics() -> Result<(), StartError> {
    recorder().map(drop)
}

/// The way to the text.
pub(crate) fn recorder() -> Result<PrometheusHandle, StartError> {
    static HANDLE: parking_lot::Mutex<Option<PrometheusHandle>> = parking_lot::Mutex::new(None);
    let mut handle = HANDLE.lock();
    if let Some(handle) = handle.as_ref() {
        return Ok(handle.clone());
    }
    let made = PrometheusBuilder::new()
        .set_buckets(LATENCY_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| StartError::Metrics(error.to_string()))?;
    measure::describe();
    *handle = Some(made.clone());
    Ok(made)
}

/// Runs until it is dropped. Without it every sample would be kept until somebody asks for the metrics, which may be never.
pub(crate) async fn keep_up(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// All metrics. Blocks for as long as the system needs to count the open files.
pub(crate) fn text(handle: &PrometheusHandle) -> String {
    let mut text = handle.render();
    write_process(&mut text);
    text
}

/// What Prometheus' own libraries say about a process, under their names. What the system does not tell is left out.
fn write_process(text: &mut String) {
    let mut write = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
    };
    write("process_cpu_seconds_total", "counter", "Processor time used, in seconds.", cpu_seconds());
    write("process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    write("process_open_fds", "gauge", "Files that are open; a connection is one.", open_files());
    write("process_max_fds", "gauge", "Files that may be open.", files_max());
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold spaces; the fields are counted from the parenthesis that ends it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1_024.0)
}

fn open_files() -> Option<f64> {
    // Since Linux 6.2 the size of the folder is their number; before, they are counted, which takes a while for a million.
    let folder = "/proc/self/fd";
    let size = fs::metadata(folder).ok()?.len();
    let count = if size > 0 { size } else { u64::try_from(fs::read_dir(folder).ok()?.count()).ok()? };
    Some(count as f64)
}

fn files_max() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_about_this_process() {
        let mut text = String::new();
        let before = open_files().unwrap();
        let _file = fs::File::open("/proc/self/stat").unwrap();
        write_process(&mut text);
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
        };
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") > 3.0 && before > 2.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
    }
}
