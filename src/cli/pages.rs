//! `switchyard completions` and `switchyard man`: what clap knows of the commands, for shells and for `man`.

use std::{fs, io, io::Write};

use clap::CommandFactory;
use clap_mangen::Man;

use super::{
    Cli, CompletionsArgs, ManArgs,
    exit::{Exit, Failure},
};

pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    // To memory first, for the generator takes a reader that left for a fault of its own.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "switchyard", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Success)
}

pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Some(dir) = &args.dir else {
        Man::new(Cli::command()).render(&mut &mut *out)?;
        return Ok(Exit::Success);
    };
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", dir.display()));
    fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir)).map_err(named)?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command};

    use clap_complete::Shell;

    use super::*;

    #[test]
    fn completions_of_bash_are_a_script_that_knows_every_command() {
        let mut script = Vec::new();
        completions(&CompletionsArgs { shell: Shell::Bash }, &mut script).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&script).unwrap();
        let checked = Command::new("bash").arg("-n").arg(file.path()).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let script = String::from_utf8(script).unwrap();
        for command in Cli::command().get_subcommands() {
            assert!(script.contains(&format!("switchyard,{}", command.get_name())), "{}", command.get_name());
        }
        assert!(script.contains("--leaf-drain"));
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("man1");
        man(&ManArgs { dir: Some(dir.clone()) }, &mut Vec::new()).unwrap();
        for command in Cli::command().get_subcommands() {
            let page = fs::read_to_string(dir.join(format!("switchyard-{}.1", command.get_name()))).unwrap();
            assert!(page.contains(".SH SYNOPSIS") && page.contains("Examples:"), "{}", command.get_name());
        }
        let mut page = Vec::new();
        man(&ManArgs { dir: None }, &mut page).unwrap();
        assert!(String::from_utf8(page).unwrap().contains("Destination"));
    }
}
