//! What the process takes of its machine, read from `/proc` when somebody asks, under the names that every exporter has
//! for it. Where there is no `/proc` there are no such metrics.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// In what part of a second Linux says times to programs, on every architecture that this is built for.
const TICKS: f64 = 100.0;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Process;

/// As it was just read.
#[derive(Debug, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    threads: u64,
    /// Since the machine started.
    start_seconds: f64,
}

impl Usage {
    /// From `/proc/self/stat`, in which the name of the program may hold anything, and `/proc/self/status`.
    fn read(stat: &str, status: &str) -> Option<Self> {
        let fields: Vec<_> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
        // As proc(5) numbers them; the first after the name is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        #[expect(clippy::cast_precision_loss, reason = "ticks of a process are few")]
        let seconds = |ticks: u64| ticks as f64 / TICKS;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            threads: field(20)?,
            start_seconds: seconds(field(22)?),
            resident_bytes: kilobytes("VmRSS")?,
            virtual_bytes: kilobytes("VmSize")?,
        })
    }
}

/// When the machine started, in seconds since 1970, from `/proc/stat`.
fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let Some(usage) = Usage::read(&text("/proc/self/stat"), &text("/proc/self/status")) else {
            return Ok(());
        };
        let mut show = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        show(
            "process_cpu_seconds",
            "CPU time that the process took, in seconds.",
            &ConstCounter::new(usage.cpu_seconds),
        )?;
        show(
            "process_resident_memory_bytes",
            "Memory of the process that is in RAM, in bytes.",
            &ConstGauge::new(usage.resident_bytes),
        )?;
        show(
            "process_virtual_memory_bytes",
            "Addresses that the process has reserved, in bytes.",
            &ConstGauge::new(usage.virtual_bytes),
        )?;
        show("process_threads", "Threads of the process.", &ConstGauge::new(usage.threads))?;
        // Reading the folder opens it, which is one more.
        let open = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
        show("process_open_fds", "Files and sockets that are open.", &ConstGauge::new(open as u64))?;
        let most = rlimit::Resource::NOFILE.get().map_or(0, |(soft, _)| soft);
        show("process_max_fds", "Files and sockets that may be open.", &ConstGauge::new(most))?;
        let start = boot_seconds(&text("/proc/stat")).unwrap_or_default() + usage.start_seconds;
        show(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
            &ConstGauge::new(start),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_past_a_program_of_any_name() {
        let mut stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 4 0 1200 9 9".to_owned();
        let status = "Name:\tx\nVmSize:\t    2000 kB\nVmRSS:\t    1000 kB\n";
        let expect = Usage {
            cpu_seconds: 2.0,
            resident_bytes: 1_024_000,
            virtual_bytes: 2_048_000,
            threads: 4,
            start_seconds: 12.0,
        };
        assert_eq!(Usage::read(&stat, status), Some(expect));
        stat.truncate(20);
        assert_eq!(Usage::read(&stat, status), None);
        assert_eq!(Usage::read("", ""), None);
    }

    #[test]
    fn the_start_of_the_machine_is_found_among_other_lines() {
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1700000000\nprocesses 4\n"), Some(1_700_000_000.0));
        assert_eq!(boot_seconds("cpu 1 2\n"), None);
    }
}
