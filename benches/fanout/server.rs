//! A server in a process of its own, and what that process costs.

use std::{fmt, fs, net::SocketAddr, process::Stdio, str::FromStr};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Duration, sleep, timeout},
};

use super::{Outcome, worlds::World};

/// How long the answer to a command may take; the longest is a rollout.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Floor,
    Ours,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Floor { "floor" } else { "ours" })
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Floor, Self::Ours].into_iter().find(|which| which.to_string() == text);
        known.ok_or_else(|| format!("expected floor or ours, found {text}"))
    }
}

/// See the module's documentation. It ends when this is dropped.
pub(super) struct Server {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Where it serves.
    pub(super) addr: SocketAddr,
}

impl Server {
    /// Starts this program as a server.
    pub(super) async fn start(which: Which, world: World) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--server", &which.to_string(), "--world", &world.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().expect("piped");
        let output = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut server = Self { process, input, output, addr: ([127, 0, 0, 1], 0).into() };
        let line = server.answer().await?;
        let port = line.strip_prefix("port ").ok_or_else(|| format!("expected its port, found {line}"))?;
        server.addr.set_port(port.parse()?);
        Ok(server)
    }

    /// Gives a command.
    pub(super) async fn tell(&mut self, command: &str) -> Outcome<()> {
        Ok(self.input.write_all(format!("{command}\n").as_bytes()).await?)
    }

    /// Waits for the answer to a command that has one.
    pub(super) async fn answer(&mut self) -> Outcome<String> {
        let line =
            timeout(PATIENCE, self.output.next_line()).await.map_err(|_| "the server does not answer")?;
        Ok(line?.ok_or("the server has ended")?)
    }

    fn proc(&self) -> Outcome<String> {
        Ok(format!("/proc/{}", self.process.id().ok_or("the server has ended")?))
    }

    /// The CPU time of all its threads.
    pub(super) fn cpu(&self) -> Outcome<Duration> {
        let mut sum = 0;
        for task in fs::read_dir(format!("{}/task", self.proc()?))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().ok_or("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// The memory it has, in bytes.
    pub(super) fn memory(&self) -> Outcome<f64> {
        let text = fs::read_to_string(format!("{}/smaps_rollup", self.proc()?))?;
        let rss = text.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"));
        Ok(rss.ok_or("no Rss")?.trim().parse::<f64>()? * 1024.0)
    }

    /// Waits until it does nothing.
    pub(super) async fn idle(&self) -> Outcome<()> {
        const A_WHILE: Duration = Duration::from_millis(100);
        // Two in a row, as it may have waited for a core. Not for ever: what it still does is then its cost.
        let mut quiet = 0;
        for _ in 0..50 {
            let before = self.cpu()?;
            sleep(A_WHILE).await;
            quiet = if self.cpu()? - before < A_WHILE / 50 { quiet + 1 } else { 0 };
            if quiet == 2 {
                break;
            }
        }
        Ok(())
    }
}
