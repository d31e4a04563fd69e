//! How `switchyard serve` shuts down, as typed.

use std::time::Duration;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind};

use super::parse;

/// What happens between SIGTERM and the end.
#[derive(Clone, Copy, Debug)]
pub struct DrainArgs {
    /// From "not ready" to the first stream that is ended. At most `timeout`.
    pub delay: Duration,
    /// After that: streams end at random moments within this time.
    pub window: Duration,
    /// From the signal on: what is left then is cut off.
    pub timeout: Duration,
}

/// The flags, each for itself.
#[derive(Clone, Copy, Debug, Args)]
struct Flags {
    /// From "not ready" to the end of the first stream
    ///
    /// Time for load balancers to send new clients elsewhere. No longer than --drain-timeout.
    #[arg(help_heading = "Shutdown", long, env = "SWITCHYARD_DRAIN_DELAY", value_name = "DURATION", default_value = "0s", value_parser = parse::duration)]
    drain_delay: Duration,

    /// Streams end at random moments within this time
    ///
    /// The spread keeps clients from reconnecting to the next server all at once. New streams are still answered
    /// meanwhile. At most three quarters of what --drain-timeout leaves after the delay.
    #[arg(help_heading = "Shutdown", long, env = "SWITCHYARD_DRAIN_WINDOW", value_name = "DURATION", default_value = "5s", value_parser = parse::duration)]
    drain_window: Duration,

    /// Connections that remain after this time are closed
    ///
    /// It counts from the signal. It bounds the delay and the window too. A second signal stops at once.
    #[arg(help_heading = "Shutdown", long, env = "SWITCHYARD_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "15s", value_parser = parse::duration)]
    drain_timeout: Duration,
}

impl TryFrom<Flags> for DrainArgs {
    type Error = Error;

    fn try_from(flags: Flags) -> Result<Self, Error> {
        let Flags { drain_delay: delay, drain_window: window, drain_timeout: timeout } = flags;
        if delay > timeout {
            let message = format!(
                "--drain-delay {delay:?} is longer than --drain-timeout {timeout:?}, which would cut all streams \
                 off before the first could be ended in peace; make the timeout at least delay and \
                 --drain-window together, here --drain-timeout {:?}",
                delay.saturating_add(window)
            );
            return Err(Error::raw(ErrorKind::ValueValidation, message));
        }
        Ok(Self { delay, window, timeout })
    }
}

impl Args for DrainArgs {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for DrainArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Flags::from_arg_matches(matches)?.try_into()
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let Self { delay, window, timeout } = *self;
        let mut flags = Flags { drain_delay: delay, drain_window: window, drain_timeout: timeout };
        flags.update_from_arg_matches(matches)?;
        *self = flags.try_into()?;
        Ok(())
    }
}
