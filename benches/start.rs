//! What it takes to start on a large cluster, and to stay there.
//!
//! The program itself is started on a cluster of 5,000 Services, as many EndpointSlices and ReplicaSets, 50,000
//! Pods and 500 Nodes, and asked whether it is ready until it is. The cluster is not real: a real API server
//! would take longer to be filled than anybody waits, and what a client of it sees is this. The objects are of
//! the size that they have in a cluster, most of it of no interest to anybody here; they are written while they
//! are sent, by this process, on the same cores. What that costs alone is shown first.
//!
//! For both ways to list, as a stream and page by page, a table shows:
//!
//! * the time until `/ready` says yes, and the CPU time of the program (not of this one) by then;
//! * the memory that the program occupies when it has been ready for a moment, its peak until then, and their
//!   ratio, which is bounded: see [`RATIO`];
//! * the memory at rest for each Pod, with everything that comes with a Pod;
//! * the CPU time of a minute in which nothing happens.
//!
//! `cargo bench --bench start`, most of a minute. The idle minute is ten seconds, multiplied;
//! `SWITCHYARD_BENCH_IDLE=60` makes it a real one, in which watches end and begin again.

mod api_server;

use std::{
    env, fs, io,
    net::SocketAddr,
    process::{ExitCode, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use self::api_server::{DEPLOYMENTS, Lists, NODES, PODS};

/// How much higher than at rest memory may have been.
const RATIO: f64 = 1.5;
/// Between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(20);
/// It is at rest when it has been ready for so long.
const SETTLED: Duration = Duration::from_secs(3);
/// So long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// The unit of CPU times in `/proc`, the same on every Linux that this runs on.
const TICK: Duration = Duration::from_millis(10);

/// What was seen of one start.
struct Start {
    ready: Duration,
    cpu: Duration,
    rest: usize,
    peak: usize,
    /// CPU time of a minute.
    idle: Duration,
}

impl Start {
    #[expect(clippy::cast_precision_loss, reason = "far from the numbers that are cut")]
    fn ratio(&self) -> f64 {
        self.peak as f64 / self.rest as f64
    }
}

/// A field of `/proc/<pid>/status`, in bytes.
fn memory(pid: u32, field: &str) -> io::Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kibibytes.map(|kibibytes| kibibytes << 10).ok_or_else(|| io::Error::other(format!("no {field}")))
}

/// CPU time so far, of all threads.
fn cpu(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program comes second, in brackets; the fields are counted from behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    Ok(TICK * ticks.sum::<u32>())
}

/// Whether `/ready` says yes.
async fn is_ready(admin: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(admin).await?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

/// Where the admin pages are, as the program says when it starts.
async fn admin_of(child: &mut Child) -> io::Result<SocketAddr> {
    let output = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let address = line.split_once("http://").filter(|_| line.trim_start().starts_with("admin"));
        if let Some(address) = address.and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()) {
            return Ok(address);
        }
    }
    Err(io::Error::other("the program ended without saying where it listens"))
}

async fn start(lists: Lists, idle: Duration) -> io::Result<Start> {
    let server = api_server::start(lists).await?;
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: bench\n\
         clusters: [{{ name: bench, cluster: {{ server: \"http://{server}\" }} }}]\n\
         contexts: [{{ name: bench, context: {{ cluster: bench, user: bench }} }}]\n\
         users: [{{ name: bench, user: {{}} }}]\n"
    );
    fs::write(&kubeconfig, text)?;
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["serve", "--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--kubeconfig"])
        .arg(&kubeconfig)
        .stdout(Stdio::piped())
        // It dies with us, however we end.
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
    let until_ready = async {
        let admin = admin_of(&mut child).await?;
        while !is_ready(admin).await? {
            sleep(LOOK).await;
        }
        io::Result::Ok(())
    };
    timeout(PATIENCE, until_ready).await.map_err(|_| io::Error::other("it does not become ready"))??;
    let (ready, cpu_ready) = (began.elapsed(), cpu(pid)?);
    sleep(SETTLED).await;
    let (rest, peak) = (memory(pid, "VmRSS")?, memory(pid, "VmHWM")?);
    let before = cpu(pid)?;
    sleep(idle).await;
    let idle = (cpu(pid)? - before).mul_f64(60.0 / idle.as_secs_f64());
    child.kill().await?;
    Ok(Start { ready, cpu: cpu_ready, rest, peak, idle })
}

#[expect(clippy::print_stdout, reason = "this is what the benchmark is for")]
#[expect(clippy::cast_precision_loss, reason = "far from the numbers that are cut")]
async fn run() -> io::Result<bool> {
    let idle = env::var("SWITCHYARD_BENCH_IDLE").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let mebi = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let began = Instant::now();
    let written = api_server::write_all();
    let writing = began.elapsed();
    println!("{:<16} {:>8} {:>12} {:>8}", "", "objects", "bytes each", "MiB");
    for (what, count, bytes) in written {
        println!("{what:<16} {count:>8} {:>12} {:>8.1}", bytes / count, mebi(bytes));
    }
    println!("to write them alone: {:.1} s\n", writing.as_secs_f64());
    println!(
        "{DEPLOYMENTS} Services, {PODS} Pods, {NODES} Nodes; an idle minute from {idle} s\n\
         {:<10} {:>9} {:>9} {:>10} {:>10} {:>9} {:>12} {:>12}",
        "lists", "ready, s", "CPU, s", "rest, MiB", "peak, MiB", "ratio", "bytes a Pod", "idle, ms/min"
    );
    let mut is_good = true;
    for (what, lists) in [("streamed", Lists::Streamed), ("in pages", Lists::Paged)] {
        let start = start(lists, Duration::from_secs(idle)).await?;
        println!(
            "{what:<10} {:>9.2} {:>9.2} {:>10.1} {:>10.1} {:>9.2} {:>12} {:>12}",
            start.ready.as_secs_f64(),
            start.cpu.as_secs_f64(),
            mebi(start.rest),
            mebi(start.peak),
            start.ratio(),
            start.rest / PODS,
            start.idle.as_millis(),
        );
        is_good &= start.ratio() <= RATIO;
    }
    Ok(is_good)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "this is what the benchmark is for")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("memory was more than {RATIO} times as high as at rest");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
