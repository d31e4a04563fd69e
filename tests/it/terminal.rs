//! `streams --watch` on a terminal: what is on its screen, after a change of its size too, and how it ends.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::AsFd,
    process::Stdio,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::server::{Binary, PATIENCE, copy_of_bookinfo, get, next, switchyard};

/// What the watch writes before each page.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
const END_OF_TEXT: u8 = 3;

/// A command on a terminal, which is the one of its session as in a shell.
struct Terminal {
    near: File,
    child: Child,
    written: watch::Receiver<String>,
}

impl Terminal {
    fn run(args: &[&str], rows: u16, columns: u16) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&near).expect("it is ours");
        unlockpt(&near).expect("it is ours");
        let name = ptsname(&near, Vec::new()).expect("it has a name").into_string().expect("text");
        let far = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).expect("it is open"));
        let near = File::from(near);
        resize(&near, rows, columns);
        let command = switchyard(args);
        let mut in_session = Command::new("setsid");
        in_session.args(["--ctty", "--wait"]).arg(command.as_std().get_program());
        in_session.args(command.as_std().get_args()).env("TERM", "xterm").env_remove("COLUMNS");
        in_session.stdin(far()).stdout(far()).stderr(far()).kill_on_drop(true);
        let child = in_session.spawn().expect("setsid is a part of every Linux");
        let (write, written) = watch::channel(String::new());
        let mut reader = near.try_clone().expect("it is open");
        // Ends when the last process has closed the other end.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                write.send_modify(|all| all.push_str(&text));
            }
        });
        Self { near, child, written }
    }

    fn resize(&self, rows: u16, columns: u16) {
        resize(&self.near, rows, columns);
    }

    /// Waits until the last whole page is as wanted, and returns it without colours.
    async fn shows(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let page = |written: &str| {
            let page = written.rsplit(CLEAR).next().expect("there is a last part").replace("\r\n", "\n");
            Some(plain(&page)).filter(|page| written.contains(CLEAR) && page.ends_with('\n') && wanted(page))
        };
        let seen =
            timeout(PATIENCE, self.written.wait_for(|written| page(written).is_some())).await.map(drop);
        let written = self.written.borrow().clone();
        assert!(seen.is_ok(), "{written}");
        page(&written).expect("it was just seen")
    }
}

fn resize(terminal: impl AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("it is a terminal");
}

/// The text without sequences of colour.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Asserts that a page stands on a screen of this size without scrolling its header away.
fn assert_fits(page: &str, rows: usize, columns: usize) {
    assert!(page.lines().count() < rows, "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= columns), "{page}");
}

#[tokio::test]
async fn watch_on_a_terminal_keeps_its_header_follows_its_size_and_ends_with_ctrl_c() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let mut streams = Vec::new();
    for port in 0..30 {
        let mut stream =
            get(server.grpc, &format!("reviews.default.svc.cluster.local:{}", 9080 + port), "").await;
        next(&mut stream).await;
        streams.push(stream);
    }
    let admin = server.admin.to_string();
    // Only the first page and changes of the size are shown within the time of a test.
    let mut terminal = Terminal::run(&["streams", "--watch", "1h", "--admin", &admin], 12, 100);

    let page = terminal.shows(|page| page.contains("30 streams")).await;
    assert_fits(&page, 12, 100);
    assert!(page.lines().skip(2).take(3).any(|header| header.contains("AUTHORITY")), "{page}");
    assert!(page.contains(" more lines; --limit and --sort choose what is shown\n"), "{page}");

    terminal.resize(200, 200);
    let page = terminal.shows(|page| page.contains("30 streams") && !page.contains("more lines")).await;
    assert_fits(&page, 200, 200);
    assert!(page.lines().skip(2).take(3).any(|header| header.contains("AUTHORITY")), "{page}");

    terminal.resize(20, 60);
    let page = terminal.shows(|page| page.contains("more lines") && page.lines().count() > 15).await;
    assert_fits(&page, 20, 60);

    terminal.near.write_all(&[END_OF_TEXT]).expect("written");
    let status = timeout(PATIENCE, terminal.child.wait()).await.expect("it ends").expect("a status");
    assert_eq!(status.code(), Some(0));
}
