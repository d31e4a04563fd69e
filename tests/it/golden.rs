//! What commands print, compared whole with files: `tests/data/golden/<name>.txt`.
//!
//! A difference is shown line by line. `SWITCHYARD_BLESS=1 cargo test --test it -- why plan:: diff::` writes the files anew;
//! read what `git diff` says then.

use std::{fs, path::PathBuf, process::Stdio};

use tokio::{io::AsyncWriteExt, time::timeout};

use crate::server::{PATIENCE, switchyard};

/// Runs a command in the folder of the project, with this on its standard input: what was typed, what came on
/// both streams, and the exit code.
pub(crate) async fn run(args: &[&str], stdin: &str) -> String {
    let mut command = switchyard(args);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut pipe = child.stdin.take().expect("piped");
    // A command that does not read it closes it.
    _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    let output =
        timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time").expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("no signal");
    let (out, err) = (text(output.stdout), text(output.stderr));
    format!("$ switchyard {}\n{out}{err}[exit code {code}]\n", args.join(" "))
}

/// Compares with the file of that name.
#[track_caller]
pub(crate) fn check(name: &str, got: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/golden/{name}.txt"));
    if std::env::var_os("SWITCHYARD_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("created");
        fs::write(&path, got).expect("written");
    }
    let expect = fs::read_to_string(&path).unwrap_or_default();
    if got == expect {
        return;
    }
    let (expected, said): (Vec<_>, Vec<_>) = (expect.lines().collect(), got.lines().collect());
    let mut difference = String::new();
    for i in 0..expected.len().max(said.len()) {
        match (expected.get(i), said.get(i)) {
            (a, b) if a == b => {}
            (a, b) => {
                a.iter().for_each(|line| difference += &format!("{:4} - {line}\n", i + 1));
                b.iter().for_each(|line| difference += &format!("{:4} + {line}\n", i + 1));
            }
        }
    }
    panic!("{} says otherwise (SWITCHYARD_BLESS=1 writes it anew):\n{difference}", path.display());
}
