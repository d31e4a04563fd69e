//! A program that runs until it is stopped or let go of.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A program, its arguments and its log. Dropping it kills it, also when a test panics.
pub(crate) struct Process {
    program: PathBuf,
    args: Vec<String>,
    home: PathBuf,
    /// Both outputs, of all its runs.
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts a program whose home and log are in this folder.
    pub(crate) fn start(folder: &Path, program: PathBuf, args: Vec<String>) -> Self {
        let name = program.file_name().expect("a program has a name").to_string_lossy().into_owned();
        let log = (1..).map(|run| folder.join(format!("{name}-{run}.log"))).find(|log| !log.exists());
        let log = log.expect("a name is left");
        let mut process = Self { program, args, home: folder.to_owned(), log, child: None };
        process.resume();
        process
    }

    /// Starts it again, with the same arguments and the same log.
    pub(crate) fn resume(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).expect("a log can be written");
        let child = command(&self.program, &self.home)
            .args(&self.args)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a file has two handles"))
            .stdout(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        self.child = Some(child);
    }

    /// Kills it as a machine that fails would, and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }

    /// Whether it has ended though nobody stopped it.
    pub(crate) fn has_failed(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// What it wrote.
    pub(crate) fn output(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a log says.
pub(crate) fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

/// A command that sees nothing of the developer's own settings.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).current_dir(home);
    command
}
