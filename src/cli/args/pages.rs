//! `switchyard completions` and `switchyard man`, as typed.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `switchyard completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  switchyard completions bash > /etc/bash_completion.d/switchyard
  switchyard completions zsh > ~/.zfunc/_switchyard
  switchyard completions fish > ~/.config/fish/completions/switchyard.fish")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `switchyard man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  switchyard man > switchyard.1
  switchyard man --dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write the pages of all commands into this folder: switchyard.1, switchyard-get.1 and so on
    ///
    /// Without it the page of `switchyard` itself goes to the standard output.
    #[arg(long, env = "SWITCHYARD_DIR", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
