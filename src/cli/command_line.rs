//! Parsing of the command line: short and long help, and errors that name the environment variable at fault.

use std::{env, ffi::OsString};

use clap::{Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches, error::ErrorKind};

use super::Cli;

/// Parses the arguments of this process. Ends it after `--help`, `--version` and wrong usage.
#[must_use]
pub fn parse() -> Cli {
    parse_from(env::args_os().collect()).unwrap_or_else(|error| match error {
        Unparsed::Typed(error) => error.exit(),
        Unparsed::Variable(text) => {
            anstream::eprintln!("{text}");
            std::process::exit(2)
        }
    })
}

/// Why there is nothing to run.
#[derive(Debug)]
enum Unparsed {
    /// The help or the version is asked for, or the arguments are wrong.
    Typed(Box<Error>),
    /// An environment variable is wrong.
    Variable(String),
}

fn parse_from(arguments: Vec<OsString>) -> Result<Cli, Unparsed> {
    // The long help lists the variables; the short one has a line for each flag.
    let is_long = arguments.get(1).is_some_and(|first| first == "help");
    let command = if is_long { Cli::command() } else { without_variables(Cli::command()) };
    let error = match parse_with(command.clone(), &arguments) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Err(Unparsed::Typed(Box::new(error)));
    }
    // A variable is at fault if all is well, or something else is wrong, without it.
    let message = message(&error);
    let at_fault = variables(&command).into_iter().find(|variable| {
        let without = parse_with(without_variable(command.clone(), variable), &arguments);
        without.map_or_else(|error| self::message(&error) != message, |_| true)
    });
    match at_fault {
        None => Err(Unparsed::Typed(Box::new(error))),
        Some(variable) => {
            let variable = variable.to_string_lossy();
            Err(Unparsed::Variable(format!("error: {variable}: {}", about_the_value(&message))))
        }
    }
}

fn parse_with(mut command: Command, arguments: &[OsString]) -> Result<Cli, Error> {
    let mut matches: ArgMatches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Returns the first paragraph of an error, without `error:` before it.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\nUsage:")
        .next()
        .unwrap_or(text)
        .split("\n\nFor more")
        .next()
        .unwrap_or(text)
        .trim_end()
        .to_owned()
}

fn about_the_value(message: &str) -> String {
    format!(
        "{message}\n\nThe value is that of the environment variable; a flag of the command line holds over it."
    )
}

/// Returns the variables that are set and that any flag has.
fn variables(command: &Command) -> Vec<OsString> {
    let commands = command.get_subcommands().chain([command]);
    let all = commands.flat_map(Command::get_arguments).filter_map(Arg::get_env);
    let mut set: Vec<_> = all.filter(|name| env::var_os(name).is_some()).map(ToOwned::to_owned).collect();
    set.sort();
    set.dedup();
    set
}

fn without_variable(command: Command, variable: &OsString) -> Command {
    let unset = |arg: Arg| {
        if arg.get_env().is_some_and(|name| name == variable) { arg.env(None::<&'static str>) } else { arg }
    };
    each_flag(command, unset)
}

fn without_variables(command: Command) -> Command {
    each_flag(command, |arg| arg.hide_env(true))
}

fn each_flag(mut command: Command, change: impl Fn(Arg) -> Arg + Copy) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |command| command.mut_args(change));
    }
    command
}
